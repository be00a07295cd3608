// A voice from the microphone, as the WAV of one channel that a SILK encoder takes.
const RATE = 24_000;

export class Recorder {
  #recorder;
  #stream;
  #pieces = [];

  static async start() {
    const made = new Recorder();
    made.#stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    made.#recorder = new MediaRecorder(made.#stream);
    made.#recorder.ondataavailable = (event) => made.#pieces.push(event.data);
    made.#recorder.start();
    return made;
  }

  /** End the recording: `{wav, ms}`. */
  async stop() {
    await new Promise((done) => {
      this.#recorder.onstop = done;
      this.#recorder.stop();
    });
    this.#stream.getTracks().forEach((track) => track.stop());
    const recorded = await new Blob(this.#pieces).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(recorded);
    const mixer = new OfflineAudioContext(1, Math.ceil(decoded.duration * RATE), RATE);
    const source = mixer.createBufferSource();
    source.buffer = decoded;
    source.connect(mixer.destination);
    source.start();
    const samples = (await mixer.startRendering()).getChannelData(0);
    return { wav: wavOf(samples), ms: Math.round((samples.length / RATE) * 1000) };
  }
}

function wavOf(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((one, i) => view.setUint8(at + i, one.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((value, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, value)) * 0x7fff, true));
  return new Blob([view], { type: "audio/wav" });
}
