// Scanning, confirming, the pair code.
import { Copyable, Dialog, attempt, button, field, h, say, t, tags, useEffect, useRef, useState } from "./kit.js";
import { bareName, confirm, decline, model, qrUrl, scan } from "./model.js";

const { div, p, h2, img, strong, form, input, video, ol, li } = tags;

const OPEN = ["wait", "scaned", "need_verifycode"];
const FINAL = {
  confirmed: say("Logged in. The chat opens as soon as the client is there."),
  expired: say("This QR code is no longer valid. Ask the client for a new one."),
  verify_code_blocked: say("Too many wrong numbers were typed. Ask the client for a new QR code."),
  binded_redirect: say("This account is bound to a bot of this client already; its login stays good."),
};

/** The login this page is about: the one of its address, else the newest that is still open. */
function current(state) {
  const { logins } = state.server;
  const asked = logins.find((one) => one.qrcode === state.scanned);
  return asked && OPEN.includes(asked.status) ? asked : logins.findLast((one) => OPEN.includes(one.status));
}

export function LoginBanner({ state }) {
  const login = current(state);
  const asked = state.scanned && state.server.logins.find((one) => one.qrcode === state.scanned);
  if (login) return h(LoginCard, { key: login.qrcode, login, state });
  if (!state.scanned) return null;
  const gone = () => {
    history.replaceState(null, "", `/${location.search}`);
    model.set({ scanned: "" });
  };
  if (asked?.status === "confirmed") return null;
  return div(
    { class: "login-card", role: "status" },
    p(asked ? t(FINAL[asked.status]) : t("No client has asked for this QR code.")),
    button({ type: "button", class: "small", onClick: gone }, t("Dismiss")),
  );
}

function LoginCard({ login, state }) {
  const box = useRef(null);
  useEffect(() => {
    // A page that was opened for this code brings it in front of the person at once.
    if (state.scanned === login.qrcode) box.current?.querySelector("button.primary")?.focus();
  }, [login.status]);
  // Always the first button: what says no must not turn into a yes under somebody's finger.
  const no = button({ type: "button", onClick: () => attempt(() => decline(login.qrcode)) }, t("Cancel"));
  if (login.status === "wait")
    return div(
      { class: "login-card", ref: box, role: "region", "aria-label": t("QR code") },
      img({ class: "qr", src: qrUrl(login), alt: t("The QR code that the client shows") }),
      div(
        { class: "grow stack" },
        p(t("A client shows a QR code.")),
        div(
          { class: "row" },
          no,
          button(
            { type: "button", class: "primary", onClick: () => attempt(() => scan(login.qrcode)) },
            t("Scan as {user}", { user: state.user }),
          ),
        ),
      ),
    );
  const who = bareName(login.user_id);
  if (login.status === "need_verifycode")
    return div(
      { class: "login-card", role: "status" },
      div(
        { class: "stack grow" },
        p(t("Type this number into the client to log {user} in:", { user: who })),
        strong({ class: "pair-code", "data-testid": "pair-code" }, login.pair_code),
        div({ class: "row" }, no),
      ),
    );
  return div(
    { class: "login-card", ref: box, role: "region", "aria-label": t("Confirm the login") },
    div(
      { class: "stack grow" },
      p(t("Log a bot in with the WeChat account of {user}?", { user: who })),
      div(
        { class: "row" },
        no,
        button(
          { type: "button", class: "primary", onClick: () => attempt(() => confirm(login.qrcode)) },
          t("Log in"),
        ),
      ),
    ),
  );
}

/** What to do before there is a bot. */
export function NoBot({ state }) {
  const [camera, setCamera] = useState(false);
  const { base_url, cdn_base_url } = state.server;
  return div(
    { class: "no-bot stack", id: "composer", tabIndex: -1 },
    h2(t("No bot is logged in")),
    p(t("Point a client of the iLink protocol at this sandbox and let it log in:")),
    ol(
      { class: "stack" },
      li(h(Copyable, { text: `export WEILINK_ILINK_BASE_URL=${base_url}` })),
      li(h(Copyable, { text: `export WEILINK_CDN_BASE_URL=${cdn_base_url}` })),
      li(h(Copyable, { text: "weilink login" })),
    ),
    p({ class: "muted" }, t("Its QR code then appears here and can be scanned with a click.")),
    h(ByLink, { state }),
    "BarcodeDetector" in window &&
      button({ type: "button", onClick: () => setCamera(true) }, t("Scan with the camera")),
    camera && h(Camera, { onClose: () => setCamera(false) }),
  );
}

/** A QR code whose link somebody has copied. */
function ByLink({ state }) {
  const [link, setLink] = useState("");
  const go = async (event) => {
    event.preventDefault();
    if (await attempt(() => scan(link.trim(), state.user))) setLink("");
  };
  return form(
    { class: "row by-link", onSubmit: go },
    div(
      { class: "grow" },
      field(t("Or paste the link of a QR code"), input({ value: link, required: true, onInput: (event) => setLink(event.target.value) })),
    ),
    button(t("Scan")),
  );
}

/** The camera of this computer, pointed at a terminal. */
function Camera({ onClose }) {
  const screen = useRef(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let stream;
    let over = false;
    const look = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        if (over) return;
        screen.current.srcObject = stream;
        await screen.current.play();
        const detector = new BarcodeDetector({ formats: ["qr_code"] });
        while (!over) {
          const [code] = await detector.detect(screen.current);
          if (code) {
            await attempt(() => scan(code.rawValue), t("Scanned."));
            onClose();
            return;
          }
          await new Promise(requestAnimationFrame);
        }
      } catch (error) {
        setProblem(error.message);
      }
    };
    look();
    return () => {
      over = true;
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, []);
  return h(
    Dialog,
    { title: t("Scan with the camera"), onClose },
    problem ? p(t("The camera cannot be used: {problem}", { problem })) : video({ ref: screen, class: "camera", muted: true }),
  );
}
