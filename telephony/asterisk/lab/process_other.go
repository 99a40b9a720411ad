//go:build !linux

package lab

import "os/exec"

// dieWithParent does nothing: the lab runs on Linux only, Install says so elsewhere.
func dieWithParent(*exec.Cmd) {}
