// @vitest-environment jsdom
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Header } from "../../src/viewer/header";
import { LogPanel } from "../../src/viewer/log-panel";
import { takeToken } from "../../src/viewer/token";
import { lifelessWords, peopleWords } from "../../src/viewer/words";
import type { KernelState, ToWindow } from "../../src/window/messages";

function load(name: string): void {
  const html = readFileSync(join(process.cwd(), "src/viewer", name), "utf8");
  document.documentElement.innerHTML = html.replace(
    /<script[\s\S]*?<\/script>|<link[\s\S]*?>|<iframe[\s\S]*?<\/iframe>/g,
    "",
  );
}

const text = (selector: string) => document.querySelector(selector)?.textContent;
const kernel: KernelState = { status: "idle", epoch: "e1", kernel_id: "k1", live: true };
const welcome = {
  type: "welcome",
  peer_id: "p2",
  role: "window",
  kernel,
  peers: [
    { peer_id: "p1", role: "bridge", name: "the kernel" },
    { peer_id: "p2", role: "window", name: "Chrome page" },
    { peer_id: "p3", role: "viewer", name: "" },
  ],
} as unknown as ToWindow;

describe("the header", () => {
  let header: Header;

  beforeEach(() => {
    load("viewer.html");
    header = new Header(document, "0123456789abcdef");
  });

  it("says in words who is here and how the kernel is", () => {
    expect(text("#connection .words")).toBe("Connecting");
    header.take(welcome);
    expect(text("#room-name")).toBe("Room 01234567");
    expect(text("#kernel .words")).toBe("Kernel idle");
    expect(text("#connection .words")).toBe("Live");
    expect(text("#people summary")).toBe("1 window and 1 reader");
    expect(text("#people ul")).toContain("Chrome page (you)");
    header.take({ type: "kernel", ...kernel, status: "busy" });
    expect(text("#kernel .words")).toBe("Kernel busy");
    expect(document.getElementById("bar")?.dataset.kernelStatus).toBe("busy");
  });

  it("S40: says that a dead kernel is gone", () => {
    header.take(welcome);
    header.take({ type: "kernel", ...kernel, status: "dead", live: false });
    expect(text("#kernel .words")).toBe("Kernel gone");
    expect(text("#notice")).toContain("last state");
    expect(document.getElementById("notice")?.hidden).toBe(false);
  });

  it("S45: says that the room can't be saved, and where only to who may write", () => {
    const store = { status: "failing", reason: "No space left on device: /srv/rooms" } as const;
    const failing = { ...kernel, store };
    header.take(welcome);
    header.take({ type: "kernel", ...failing });
    expect(text("#notice")).toContain("can't be saved just now (No space left on device: /srv/rooms)");
    header.take({ type: "kernel", ...failing, status: "dead", live: false });
    expect(text("#notice")).toMatch(/kernel is gone.* can't be saved/);
    header.take({ ...welcome, role: "viewer", kernel: failing } as ToWindow);
    expect(text("#notice")).not.toContain("/srv");
    header.take({ type: "kernel", ...kernel, store: { status: "kept" } });
    expect(document.getElementById("notice")?.hidden).toBe(true);
  });

  it("says what a widget did to the frame, and offers to load it again", () => {
    header.take(welcome);
    const reload = document.getElementById("reload") as HTMLButtonElement;
    expect(reload.hidden).toBe(true);
    header.setTrouble("overwritten");
    expect(text("#notice")).toContain("written over");
    expect(reload.hidden).toBe(false);
    header.setTrouble(null);
    expect([document.getElementById("notice")?.hidden, reload.hidden]).toEqual([true, true]);
  });

  it("S09: says nothing of the kernel while it doesn't know", () => {
    header.take(welcome);
    header.setConnection("disconnected");
    expect(text("#kernel .words")).toBe("Kernel not known");
    expect(text("#connection .words")).toBe("Reconnecting");
    expect(document.getElementById("people")?.hidden).toBe(true);
  });
});

describe("the words", () => {
  it("count people", () => {
    expect(peopleWords(0, 0)).toBe("Nobody here");
    expect(peopleWords(3, 0)).toBe("3 windows");
  });

  it("are none while all is well, or before there was a kernel", () => {
    expect(lifelessWords("live", "busy", true)).toBeNull();
    expect(lifelessWords("live", "unknown", false)).toBeNull();
    expect(lifelessWords("connecting", "unknown", false)).toBeNull();
  });
});

describe("the token", () => {
  it("S47: leaves the address and stays in the tab", () => {
    history.replaceState(null, "", "/commdoc/rooms/r1/#token=secret");
    expect(takeToken(window)).toBe("secret");
    expect(location.href).not.toContain("secret");
    expect(takeToken(window)).toBe("secret");
    history.replaceState(null, "", "/commdoc/rooms/r2/");
    expect(takeToken(window)).toBe("");
  });

  it("is the link's, where a browser keeps no storage for a page in a frame", () => {
    location.hash = "#token=secret";
    const storage = vi.spyOn(window, "sessionStorage", "get").mockImplementation(() => {
      throw new DOMException("denied", "SecurityError");
    });
    expect(takeToken(window)).toBe("secret");
    expect(takeToken(window)).toBe("");
    storage.mockRestore();
  });
});

describe("the log", () => {
  it("shows lines without their terminal colours, and only so many", () => {
    load("frame.html");
    const box = document.getElementById("log") as HTMLDetailsElement;
    const log = new LogPanel(box);
    log.add("stdout", "one\n");
    expect(box.hidden).toBe(false);
    expect(box.open).toBe(false);
    log.add("stderr", "\x1b[31mred\x1b[0m\ntwo\n");
    expect(box.open).toBe(true);
    expect([...box.querySelectorAll("pre")].map((line) => line.textContent)).toEqual(["one", "red", "two"]);
    for (let n = 0; n < 1000; n++) log.add("stdout", `${n}\n`);
    expect(box.querySelectorAll("pre").length).toBe(500);
    expect(text("#log summary")).toBe("Log (1003)");
  });
});
