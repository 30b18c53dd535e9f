// The whole page: each room whose link stands behind `#` in its address gets a section.

import { mountRoom } from "commdoc/viewer";
import "commdoc/style.css";

const links = decodeURIComponent(location.hash.slice(1))
  .split(" ")
  .filter((link) => link !== "");
// The token stays out of the address bar, the history and a shared screen.
history.replaceState(null, "", location.pathname);

for (const link of links) {
  const section = document.createElement("section");
  document.getElementById("rooms")?.append(section);
  try {
    const { room } = await mountRoom(section, link, {
      name: "a page of one's own",
      onProblem: ({ text }) => console.warn(text),
    });
    const heading = document.createElement("h2");
    heading.textContent = `${room.comms.size} comms`;
    room.on("change", () => {
      heading.textContent = `${room.comms.size} comms`;
    });
    section.prepend(heading);
  } catch (error) {
    section.textContent = `This room can't be joined: ${error instanceof Error ? error.message : error}`;
  }
}
