"""A hand for windows that nobody sees: a program for Windows that reads the pages of another and presses what is there."""

from __future__ import annotations

from typing import Final

from support import exe
from support.windows_system import Ended, Windows

PLACE: Final = "hand.exe"
# It is told what it must see, and what it then presses, in turn: a part of a visible text, and the whole text of a button (without `&`).
SOURCE: Final = """\
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	getText   = 0x000D
	click     = 0x00F5
	abortHung = 2
)

var user = syscall.NewLazyDLL("user32.dll")

func call(name string, arguments ...uintptr) uintptr {
	result, _, _ := user.NewProc(name).Call(arguments...)
	return result
}

func plain(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "&", ""))
}

func text(window uintptr) string {
	var buffer [1024]uint16
	var result uintptr
	at := uintptr(unsafe.Pointer(&buffer[0]))
	call("SendMessageTimeoutW", window, getText, 1024, at, abortHung, 2000, uintptr(unsafe.Pointer(&result)))
	return plain(syscall.UTF16ToString(buffer[:]))
}

func shown(parent uintptr) (found []uintptr) {
	for window := call("FindWindowExW", parent, 0, 0, 0); window != 0; window = call("FindWindowExW", parent, window, 0, 0) {
		if call("IsWindowVisible", window) != 0 {
			found = append(append(found, window), shown(window)...)
		}
	}
	return found
}

func press(seen, button string) bool {
	var there bool
	var pressed uintptr
	for _, window := range shown(0) {
		said := text(window)
		there = there || strings.Contains(said, plain(seen))
		if said == plain(button) && call("IsWindowEnabled", window) != 0 {
			pressed = window
		}
	}
	if there && pressed != 0 {
		call("PostMessageW", pressed, click, 0, 0)
		return true
	}
	return false
}

func main() {
	program := exec.Command(os.Args[1])
	if err := program.Start(); err != nil {
		panic(err)
	}
	for steps := os.Args[2:]; len(steps) > 1; steps = steps[2:] {
		for tries := 0; !press(steps[0], steps[1]); tries++ {
			if tries == 150 {
				fmt.Printf("%q with %q never came; there is", steps[0], steps[1])
				for _, window := range shown(0) {
					fmt.Printf(" %q", text(window))
				}
				program.Process.Kill()
				os.Exit(100)
			}
			time.Sleep(200 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
	}
	program.Wait()
	os.Exit(program.ProcessState.ExitCode())
}
"""


def lend(system: Windows) -> None:
    """Put the program onto drive C."""
    system.put(PLACE, exe.compiled(SOURCE))


def goes_through(system: Windows, program: str, *steps: tuple[str, str]) -> Ended:
    """Start a program, and at each page, known by a text that it shows, press what is named. How it ended: 100 where a page never came."""
    return system.run(f"C:\\{PLACE}", program, *(word for step in steps for word in step))
