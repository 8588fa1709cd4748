"""/v1/realtime: text while somebody speaks, as OpenAI's transcription sessions send it over a WebSocket."""
