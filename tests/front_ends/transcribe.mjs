// Sends a recording at the pace of speech to a live session by OpenAI's client, and prints every event as a line of JSON.
import { readFile } from "node:fs/promises";
import net from "node:net";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [baseURL, path] = process.argv.slice(2);
const sound = await readFile(path);
const options = { createConnection: ({ host, port }) => net.connect(port, host) }; // the client always asks for TLS
const session = new OpenAIRealtimeWS({ intent: "transcription", options }, new OpenAI({ baseURL, apiKey: "none" }));

session.on("error", (error) => {
  throw error;
});
session.on("event", (event) => console.log(JSON.stringify(event)));
session.on("session.created", () => {
  const input = { transcription: { model: "gpt-live-transcribe", language: "en" }, turn_detection: null };
  session.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
});
session.on("session.updated", async () => {
  for (let at = 0; at < sound.length; at += 4800) { // a tenth of a second
    await new Promise((wake) => setTimeout(wake, 100));
    session.send({ type: "input_audio_buffer.append", audio: sound.subarray(at, at + 4800).toString("base64") });
  }
  session.send({ type: "input_audio_buffer.commit" });
});
session.on("conversation.item.input_audio_transcription.completed", () => session.close());
