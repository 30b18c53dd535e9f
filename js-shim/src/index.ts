/**
 * commdoc for JavaScript: `joinRoom(url)` gives a window onto a room, `room.comms` its comms map.
 *
 * @module
 */

export * from "./document/index";
export * from "./window/index";
