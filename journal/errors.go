package journal

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by every operation of a journal that was closed.
var ErrClosed = errors.New("the journal is closed")

// ErrFull matches (errors.Is) every refusal for want of room: see FullError.
var ErrFull = errors.New("the journal is full")

// ErrNotFound is returned by Get for a name that holds no value.
var ErrNotFound = errors.New("no such value in the journal's cache")

// FullError is the refusal of an append for want of room. Nothing that was acknowledged is touched, and appends work
// again as soon as there is room. It matches ErrFull.
type FullError struct {
	// Dir is the journal's folder.
	Dir string
	// Disk is true when the disk has no room, false when the journal reached its own size limit.
	Disk bool
	// Bytes is the limit that was reached: the journal's size limit, or the free space that is always left.
	Bytes int64
}

// Error names the place and the remedy.
func (e *FullError) Error() string {
	if e.Disk {
		return fmt.Sprintf("the disk of the journal %s has less than %d MiB free: make room there; talkbridge goes on by itself", e.Dir, e.Bytes>>20)
	}
	return fmt.Sprintf("the journal %s reached its size limit of %d MiB: raise journal.max_size, or settle the parked calls that keep old records", e.Dir, e.Bytes>>20)
}

// Is reports that a FullError is an ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// LockedError is returned by Open for a folder that another process holds.
type LockedError struct {
	// Dir is the journal's folder.
	Dir string
	// PID is the process that holds it, zero if it could not be read.
	PID int
}

// Error names the process and the remedy.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the journal %s is in use by another process: stop it, or give this one another folder (journal.dir)", e.Dir)
	}
	return fmt.Sprintf("the journal %s is in use by process %d: stop that process, or give this one another folder (journal.dir)", e.Dir, e.PID)
}

// FolderError is returned by Open for a folder that cannot hold a journal.
type FolderError struct {
	// Dir is the journal's folder.
	Dir string
	// Reason says what is wrong with it, Remedy what to do.
	Reason, Remedy string
	// Err is the cause, nil if there is none beyond the reason.
	Err error
}

// Error names the place, the cause and the remedy.
func (e *FolderError) Error() string {
	text := fmt.Sprintf("the journal folder %s %s", e.Dir, e.Reason)
	if e.Err != nil {
		text += " (" + e.Err.Error() + ")"
	}
	return text + ": " + e.Remedy
}

// Unwrap returns the cause.
func (e *FolderError) Unwrap() error { return e.Err }

// BrokenError is returned by appends after the engine could not write for another reason than want of room: what it
// holds in memory and on the disk may differ, so it takes nothing more until the process is started anew.
type BrokenError struct {
	// Dir is the journal's folder.
	Dir string
	// Reason is what the engine said.
	Reason string
}

// Error says what failed, and what to do.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("the journal %s cannot write (%s): check the disk, then restart talkbridge", e.Dir, e.Reason)
}

// DamagedError is returned when the folder holds less than it held, or something that this version cannot read.
// The journal then has not changed anything in it.
type DamagedError struct {
	// Dir is the journal's folder.
	Dir string
	// Found says what is wrong.
	Found string
	// Err is the cause, nil if there is none beyond Found.
	Err error
}

// Error says what was found, and what to do.
func (e *DamagedError) Error() string {
	text := fmt.Sprintf("the journal %s is damaged: %s", e.Dir, e.Found)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; restore the folder from a backup, or move it aside (mv) to start with an empty journal and keep it for examination"
}

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// ConflictError is returned by AppendIf when the call's outcomes are not where the caller thought.
type ConflictError struct {
	// Call is the call's id.
	Call string
	// Expected is the sequence that the caller gave, Last the sequence of the call's last outcome, zero if none.
	Expected, Last uint64
}

// Error says what was expected, and what is.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("the last outcome of call %s is at sequence %d, not %d: read the call's story again", e.Call, e.Last, e.Expected)
}

// MessageError is returned for a message that the journal cannot hold; trying again is useless.
type MessageError struct {
	// Call is the message's call id, shortened if it is too long.
	Call string
	// Reason says what is wrong with it.
	Reason string
}

// Error names the call and the reason.
func (e *MessageError) Error() string {
	return fmt.Sprintf("message of call %q: %s", e.Call, e.Reason)
}
