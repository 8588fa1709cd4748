"""/v1/audio/jobs: what programs send, what they are answered, and the files they fetch."""
