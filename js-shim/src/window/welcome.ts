import type { Limits, Welcome } from "./messages";

/** What is taken for the room's welcome until it comes. */
export const NO_WELCOME: Pick<Welcome, "room_id" | "peer_id" | "role" | "kernel" | "peers" | "client_id"> & {
  limits: Partial<Limits>;
} = {
  room_id: "",
  peer_id: "",
  role: "viewer",
  kernel: { status: "disconnected", epoch: null, kernel_id: null, live: false },
  peers: [],
  limits: {},
};
