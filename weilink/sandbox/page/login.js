// Scanning, confirming, the pair code.
import { Copyable, Dialog, attempt, button, field, h, say, t, tags, useEffect, useRef, useState } from "./kit.js";
import { bareName, codeIn, confirm, decline, model, qrUrl, scan } from "./model.js";

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
          state.bot && h(ScanButton, { state }),
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
    h(ScanButton, { state }),
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

function ScanButton({ state }) {
  const [camera, setCamera] = useState(false);
  return [
    button({ type: "button", onClick: () => setCamera(true) }, t("Scan with the camera")),
    camera && h(Camera, { state, onClose: () => setCamera(false) }),
  ];
}

/** What reads QR codes: the browser, or else the sandbox; `null` when neither can. */
function reader(state) {
  if ("BarcodeDetector" in window) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (screen) => (await detector.detect(screen))[0]?.rawValue;
  }
  if (!state.camera) return null;
  const canvas = document.createElement("canvas");
  return async (screen) => {
    canvas.width = Math.min(screen.videoWidth, 800);
    canvas.height = Math.round((screen.videoHeight * canvas.width) / screen.videoWidth);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(screen, 0, 0, canvas.width, canvas.height);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    // Green is most of what the eye takes for brightness.
    return codeIn(Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 1]), canvas.width);
  };
}

/** The camera of this computer, pointed at a terminal. */
function Camera({ state, onClose }) {
  const screen = useRef(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let stream;
    let over = false;
    const look = async () => {
      const read = reader(state);
      if (!read) {
        setProblem(t("This browser cannot read QR codes. Install the Python package zxing-cpp beside the sandbox, or scan with a click."));
        return;
      }
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        if (over) return;
        screen.current.srcObject = stream;
        await screen.current.play();
        while (!over) {
          const code = await read(screen.current);
          if (code && !over) {
            await attempt(() => scan(code), t("Scanned."));
            onClose();
            return;
          }
          await new Promise(requestAnimationFrame);
        }
      } catch (error) {
        if (!over) setProblem(t("The camera cannot be used: {problem}", { problem: error.message }));
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
    problem ? p({ role: "alert" }, problem) : video({ ref: screen, class: "camera", muted: true, playsInline: true, "aria-label": t("What the camera sees") }),
  );
}
