/** The page's header: what it shows of the room, read from the messages that pass through the page to the frame. */

import type { KernelState, PeerInfo, Role, ToWindow } from "../window/messages";
import {
  CONNECTION_WORDS,
  type ConnectionState,
  FRAME_WORDS,
  type FrameTrouble,
  KERNEL_WORDS,
  lifelessWords,
  peopleWords,
  roleWord,
  say,
  storeWords,
} from "./words";

export class Header {
  private readonly page: Document;
  private connection: ConnectionState = "connecting";
  private kernel: KernelState | null = null;
  private trouble: FrameTrouble | null = null;
  private peers: PeerInfo[] = [];
  private shown: PeerInfo[] | null = null;
  private self = "";
  private role: Role | null = null;
  private name: string;

  constructor(page: Document, roomId: string) {
    this.page = page;
    this.name = `Room ${roomId.slice(0, 8)}`;
    this.show();
  }

  setConnection(connection: ConnectionState): void {
    this.connection = connection;
    this.show();
  }

  /** What is wrong with the frame; it offers to load it again. */
  setTrouble(trouble: FrameTrouble | null): void {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.show();
  }

  /** Takes what concerns the header from a message of the room. */
  take(message: ToWindow): void {
    if (message.type === "welcome") {
      this.connection = "live";
      this.kernel = message.kernel;
      this.peers = message.peers;
      this.self = message.peer_id;
      this.role = message.role;
      if (message.name) this.name = message.name;
    } else if (message.type === "kernel") this.kernel = message;
    else if (message.type === "peers") this.peers = message.peers;
    else return;
    this.show();
  }

  private show(): void {
    const bar = this.at("bar");
    const known = this.connection === "live";
    // A room may be there before its kernel.
    const status = known && this.kernel?.epoch ? this.kernel.status : "unknown";
    const live = known && (this.kernel?.live ?? false);
    bar.dataset.state = this.connection;
    bar.dataset.kernelStatus = status;
    bar.dataset.kernelLive = String(live);
    this.at("room-name").textContent = this.name;
    this.page.title = `${this.name} · commdoc`;
    this.at("role").hidden = this.role !== "viewer";
    words(this.at("kernel"), known ? KERNEL_WORDS[status] : "Kernel not known");
    words(this.at("connection"), CONNECTION_WORDS[this.connection]);
    const notice =
      this.trouble === null
        ? this.standing(lifelessWords(this.connection, status, live))
        : FRAME_WORDS[this.trouble];
    bar.dataset.frame = this.trouble ?? "well";
    this.at("reload").hidden = this.trouble === null;
    say(this.at("notice"), notice);
    this.showPeople();
  }

  /** Why nothing can be changed, and that what is changed is not kept. */
  private standing(lifeless: string | null): string | null {
    const store = this.connection === "live" ? storeWords(this.kernel?.store, this.role) : null;
    return [lifeless, store].filter((words) => words !== null).join(" ") || null;
  }

  private showPeople(): void {
    const box = this.at("people");
    box.hidden = this.connection !== "live";
    // A list that somebody reads, or has scrolled, is made anew only when others are here.
    if (this.shown === this.peers) return;
    this.shown = this.peers;
    const people = this.peers.filter(({ role }) => role !== "bridge");
    const windows = people.filter(({ role }) => role === "window").length;
    (box.querySelector("summary") as HTMLElement).textContent = peopleWords(windows, people.length - windows);
    const list = box.querySelector("ul") as HTMLElement;
    list.replaceChildren(...this.peers.map((peer) => this.line(peer)));
  }

  private line({ peer_id, name, role }: PeerInfo): HTMLElement {
    const isSelf = peer_id === this.self;
    const line = this.page.createElement("li");
    const who = this.page.createElement("span");
    const what = this.page.createElement("span");
    // Names are anybody's: the direction in which one is written ends with it.
    const named = this.page.createElement("bdi");
    named.textContent = name.trim() || (isSelf ? "This page" : "A window");
    who.append(named, isSelf ? " (you)" : "");
    what.textContent = roleWord(role);
    line.append(who, what);
    return line;
  }

  private at(id: string): HTMLElement {
    return this.page.getElementById(id) as HTMLElement;
  }
}

function words(fact: HTMLElement, text: string): void {
  const place = fact.querySelector(".words") as HTMLElement;
  if (place.textContent !== text) place.textContent = text;
}
