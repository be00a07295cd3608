// Where one writes: text, files by button, drop or paste, a recording, a quote.
import { attempt, button, bytes, choice, duration, field, h, icon, iconButton, t, tags, tell, useEffect, useRef, useState } from "./kit.js";
import { summary } from "./bodies.js";
import { asPhoneVoice, model, sendMedia, writeText } from "./model.js";
import { Recorder } from "./recorder.js";

const { div, form, textarea, input, img, span, video } = tags;

const KIND = { image: "image", video: "video", audio: "voice" };

let count = 0;

export function Composer({ state, takeFiles }) {
  const [text, setText] = useState("");
  const [files, setFiles] = useState([]);
  const [busy, setBusy] = useState(false);
  const [recording, setRecording] = useState(null);
  const chooser = useRef(null);
  const area = useRef(null);
  const { quote } = state;

  const add = async (list) => {
    const found = await Promise.all([...list].map(described));
    setFiles((before) => [...before, ...found]);
    area.current?.focus();
  };
  takeFiles.current = add;
  const change = (id, what) => setFiles((before) => before.map((one) => (one.id === id ? { ...one, ...what } : one)));
  const remove = (one) => {
    URL.revokeObjectURL(one.url);
    setFiles((before) => before.filter((other) => other.id !== one.id));
  };

  const send = async (event) => {
    event?.preventDefault();
    const words = text;
    if (busy || (!words.trim() && !files.length)) return;
    if (quote?.style === "partial" && !(quote.selection && quote.message.text.includes(quote.selection))) {
      tell(t("What is to be quoted does not stand in the message like that."), "error");
      return;
    }
    setBusy(true);
    // One after the other, as a phone sends them; what fails stays in the field.
    const sent = await attempt(async () => {
      for (const one of files) {
        await sendMedia(one.kind, one.file, {
          file_name: one.kind === "file" ? one.name : "",
          text: one.kind === "voice" ? one.text : "",
          duration_ms: one.kind === "voice" || one.kind === "video" ? one.ms : undefined,
        });
        remove(one);
      }
      if (words.trim()) {
        await writeText(words, quote && quoteOf(quote));
        setText("");
        model.set({ quote: null });
      }
    });
    setBusy(false);
    if (sent) area.current?.focus();
  };
  const keys = (event) => {
    // Not while an input method is choosing characters.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
    if (event.key === "Escape" && quote) model.set({ quote: null });
  };
  const pasted = (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };
  const record = async () => {
    if (recording) {
      const made = await attempt(() => recording.stop());
      setRecording(null);
      if (made) {
        if (!model.value.voices)
          tell(t("It goes as WAV: for SILK, as phones send it, install the Python package silk-python beside the sandbox."));
        const voice = await attempt(() => asPhoneVoice(made.wav));
        if (voice) setFiles((before) => [...before, { ...item(voice, "voice", t("Recording")), ms: made.ms, url: URL.createObjectURL(made.wav) }]);
      }
      return;
    }
    try {
      setRecording(await Recorder.start());
    } catch {
      tell(t("The microphone cannot be used."), "error");
    }
  };

  useEffect(() => {
    const element = area.current;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight + 2, 160)}px`;
  }, [text]);

  const empty = !text.trim() && !files.length;
  return form(
    { class: "composer", onSubmit: send },
    quote && h(QuoteLine, { quote }),
    files.length > 0 && div({ class: "files" }, files.map((one) => h(Attachment, { key: one.id, one, change, remove }))),
    recording && div({ class: "recording", role: "status" }, t("Recording … press stop to keep it.")),
    div(
      { class: "composer-line" },
      iconButton("attach", t("Send files"), () => chooser.current.click(), { disabled: busy }),
      input({
        ref: chooser,
        type: "file",
        multiple: true,
        class: "hidden-text",
        tabIndex: -1,
        "aria-hidden": "true",
        onChange: (event) => {
          add(event.target.files);
          event.target.value = "";
        },
      }),
      iconButton(recording ? "stop" : "mic", recording ? t("Stop recording") : t("Record a voice message"), record, { disabled: busy }),
      textarea({
        id: "composer",
        ref: area,
        rows: 1,
        value: text,
        placeholder: t("Write to the bot"),
        "aria-label": t("Write to the bot"),
        onInput: (event) => setText(event.target.value),
        onKeyDown: keys,
        onPaste: pasted,
      }),
      button({ class: "primary round", disabled: busy || empty, "aria-label": t("Send"), title: t("Send") }, icon("send")),
    ),
  );
}

const item = (file, kind, name) => ({ id: (count += 1), file, kind, name, ms: 1000, text: "", url: "" });

async function described(file) {
  const kind = KIND[file.type.split("/")[0]] ?? "file";
  const one = { ...item(file, kind, file.name), url: URL.createObjectURL(file) };
  if (kind === "voice" || kind === "video") one.ms = await lengthOf(one.url, kind === "video" ? "video" : "audio");
  return one;
}

/** How long a recording is, in milliseconds; 1000 when the browser cannot tell. */
function lengthOf(url, kind) {
  return new Promise((resolve) => {
    const player = document.createElement(kind);
    const done = () => resolve(Number.isFinite(player.duration) ? Math.max(1, Math.round(player.duration * 1000)) : 1000);
    player.onloadedmetadata = done;
    player.onerror = done;
    player.src = url;
  });
}

function Attachment({ one, change, remove }) {
  const kinds = [["image", t("Picture")], ["voice", t("Voice")], ["video", t("Video")], ["file", t("File")]];
  return div(
    { class: "attachment" },
    one.kind === "image" && img({ src: one.url, alt: "" }),
    one.kind === "video" && video({ src: one.url, muted: true, "aria-hidden": "true" }),
    div(
      { class: "grow" },
      div({ class: "file-name" }, one.name),
      div(
        { class: "row" },
        choice(one.kind, kinds, (kind) => change(one.id, { kind }), { "aria-label": t("Send {name} as", { name: one.name }) }),
        span({ class: "muted" }, one.kind === "voice" ? duration(one.ms) : bytes(one.file.size)),
      ),
      one.kind === "voice" &&
        field(t("What it says"), input({ value: one.text, onInput: (event) => change(one.id, { text: event.target.value }) }), t("WeChat sends its transcription along.")),
    ),
    iconButton("close", t("Remove {name}", { name: one.name }), () => remove(one)),
  );
}

// How phones quote: see docs/sandbox.md.
const quoteOf = ({ message, style, selection }) => ({
  message_id: message.message_id,
  style,
  ...(style === "partial" ? { part: selection } : {}),
});

function QuoteLine({ quote }) {
  const { message, selection, style } = quote;
  const styles = [["id", t("as newer phones do")], ["inline", t("as older phones do")], ...(message.text ? [["partial", t("only a part")]] : [])];
  const change = (what) => model.set({ quote: { ...quote, ...what } });
  return div(
    { class: "quote-line" },
    style === "partial"
      ? input({ class: "grow", value: selection, placeholder: summary(message).slice(0, 120), "aria-label": t("The part to quote"), onInput: (event) => change({ selection: event.target.value }) })
      : span({ class: "grow quoted" }, summary(message).slice(0, 120)),
    choice(style, styles, (next) => change({ style: next }), { "aria-label": t("How to quote") }),
    iconButton("close", t("Do not quote"), () => model.set({ quote: null })),
  );
}
