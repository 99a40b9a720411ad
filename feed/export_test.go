package feed

// KeepRecent has the hub keep n messages in memory, so that tests read from the
// journal without thousands of entries.
func KeepRecent(h *Hub, n int) { h.recentMax = n }

// LetWait has at most n messages wait for a reader, so that a slow one is known
// soon.
func LetWait(h *Hub, n int) { h.queueMax = n }

// Beat sends a heartbeat now.
var Beat = (*Hub).beatOnce
