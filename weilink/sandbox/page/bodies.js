// What stands in a bubble: text, a picture, a file, a voice, a film.
import { Dialog, button, bytes, duration, h, icon, say, t, tags, useRef, useState } from "./kit.js";
import { mediaUrl } from "./model.js";

const { div, span, a, img, video, audio, p } = tags;

export function Body({ message }) {
  const draw = { text: Text, image: Picture, voice: Voice, file: File, video: Film }[message.kind];
  return draw ? h(draw, { message }) : div({ class: "bubble unknown" }, t("A message of a kind this phone does not know"));
}

const LINK = /https?:\/\/[^\s<>"'，。！？；：、）】》]+/g;

/** Text with its web addresses as links. */
function Text({ message: { text } }) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(at, match.index));
    parts.push(a({ href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return div({ class: "bubble" }, parts);
}

const saveLink = (message, name, text = t("Save")) =>
  a({ class: "save", href: mediaUrl(message, name), download: name }, text);

function Picture({ message }) {
  const [open, setOpen] = useState(false);
  const [broken, setBroken] = useState(false);
  const name = `picture-${message.n}`;
  if (broken)
    return div({ class: "bubble" }, t("This picture cannot be shown."), " ", saveLink(message, name));
  return div(
    { class: "picture" },
    button(
      { type: "button", class: "plain", "aria-label": t("Show the picture"), onClick: () => setOpen(true) },
      img({ src: mediaUrl(message), alt: t("Picture"), onError: () => setBroken(true) }),
    ),
    open &&
      h(
        Dialog,
        { title: t("Picture"), wide: true, onClose: () => setOpen(false) },
        img({ class: "whole", src: mediaUrl(message), alt: t("Picture") }),
        p(saveLink(message, name)),
      ),
  );
}

function File({ message }) {
  const { file_item: part = {} } = message.items[0];
  const size = Number(part.len);
  const name = message.file_name || t("File");
  return a(
    { class: "bubble file", href: mediaUrl(message, name), download: name },
    icon("file"),
    span({ class: "grow" }, span({ class: "file-name" }, name), span({ class: "file-size" }, Number.isFinite(size) ? bytes(size) : "")),
  );
}

function Voice({ message }) {
  const sound = useRef(null);
  const [playing, setPlaying] = useState(false);
  const [broken, setBroken] = useState(false);
  const ms = Number(message.items[0].voice_item?.playtime) || 0;
  const play = async () => {
    if (playing) {
      sound.current.pause();
      return;
    }
    try {
      await sound.current.play();
    } catch {
      setBroken(true);
    }
  };
  return div(
    { class: "voice" },
    button(
      {
        type: "button",
        class: "bubble voice-button",
        // As in WeChat, a longer voice is a longer bubble.
        style: { width: `${Math.min(220, 90 + (ms / 1000) * 4)}px` },
        "aria-label": t(playing ? say("Pause the voice, {time}") : say("Play the voice, {time}"), { time: duration(ms) }),
        onClick: play,
      },
      icon(playing ? "pause" : "play"),
      duration(ms),
    ),
    audio({
      ref: sound,
      src: mediaUrl(message),
      preload: "none",
      onPlay: () => setPlaying(true),
      onPause: () => setPlaying(false),
      onEnded: () => setPlaying(false),
    }),
    message.text && div({ class: "transcript" }, message.text),
    broken &&
      div(
        { class: "transcript", role: "alert" },
        t("This browser cannot play the voice. Install the Python package silk-python beside the sandbox to hear SILK."),
        " ",
        saveLink(message, `voice-${message.n}.silk`),
      ),
  );
}

function Film({ message }) {
  const [broken, setBroken] = useState(false);
  if (broken)
    return div({ class: "bubble" }, t("This browser cannot play the video."), " ", saveLink(message, `video-${message.n}.mp4`));
  return video({
    class: "film",
    src: mediaUrl(message),
    controls: true,
    preload: "metadata",
    "aria-label": t("Video"),
    onError: () => setBroken(true),
  });
}

const KINDS = { image: say("Picture"), voice: say("Voice"), file: say("File"), video: say("Video") };
/** A message in a few words. */
export const summary = (message) =>
  message.text || message.file_name || `[${t(KINDS[message.kind] ?? say("Message"))}]`;
