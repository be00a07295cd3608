// The page: a phone on the left, what stands behind it on the right.
import { Notes, h, iconButton, loadWords, render, t, tags, useEffect, useRef, useState, useStore } from "/assets/web/ui.js";
import { Chat } from "./chat.js";
import { Drawer } from "./drawer.js";
import { LoginBanner, NoBot } from "./login.js";
import { PhoneHead } from "./head.js";
import { model, start } from "./model.js";

const { div, main, aside, p, h1, a } = tags;

function Page() {
  const state = useStore(model);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const escape = (event) => event.key === "Escape" && setOpen(false);
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);
  // The phone is painted first: nobody reads what stands behind it in the same moment.
  const [behind, setBehind] = useState(false);
  useEffect(() => void setTimeout(() => setBehind(true)), []);
  const was = useRef(false);
  useEffect(() => {
    // On a narrow screen the drawer covers the phone: the focus goes with what is to be seen.
    if (open) document.querySelector(".drawer-close button").focus();
    else if (was.current) document.querySelector(".to-drawer").focus();
    was.current = open;
  }, [open]);
  return div(
    { class: open ? "page open" : "page" },
    a({ class: "skip", href: "#composer" }, t("To the message field")),
    main(
      { class: "phone", "aria-label": t("Phone") },
      h1({ class: "hidden-text" }, t("WeChat sandbox")),
      h(PhoneHead, { state, onDrawer: () => setOpen(!open), open }),
      state.offline && p({ class: "offline", role: "alert" }, t("The sandbox does not answer; trying again.")),
      state.server && h(LoginBanner, { state }),
      state.server && (state.bot ? h(Chat, { state }) : h(NoBot, { state })),
    ),
    aside(
      { class: "drawer", id: "drawer", "aria-label": t("Behind the phone") },
      div({ class: "drawer-close" }, iconButton("close", t("Close"), () => setOpen(false))),
      behind && state.server && h(Drawer, { state }),
    ),
    h(Notes),
  );
}

await loadWords("/assets/web/words", "/assets/page/words");
document.title = t("WeChat sandbox");
start();
render(h(Page), document.getElementById("page"));
