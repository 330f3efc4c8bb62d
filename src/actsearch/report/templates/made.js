// When the page was made is in its provenance alone: the page itself is the same each time.
const made = JSON.parse(document.getElementById("provenance")?.textContent ?? "{}");
if (made.ended) {
  const line = document.getElementById("made");
  line.textContent = `This page was made at ${made.ended} by: ${made.command}`;
  line.hidden = false;
}
