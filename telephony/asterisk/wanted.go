package asterisk

import "bytes"

// What a session needs of all that Asterisk says. Each class of events is one
// that manager.conf must allow in read=.
const eventMask = "call,agent,dialplan"

// eventFilters are asked of Asterisk, which sends an event if one of them
// matches; they save three quarters of the bytes. They need write=system.
var eventFilters = []string{
	"Event: (Newchannel|DialBegin|DialEnd|BridgeEnter|BridgeLeave|Hold|Unhold|HangupRequest|Hangup|QueueCallerJoin|QueueCallerLeave)",
	"Variable: _*(MIXMONITOR_FILENAME|VM_MESSAGEFILE|TB_DID|TB_DIR|TB_AGENT)",
}

// wanted reports whether an event is used. It is asked for every event before
// anything is allocated.
func wanted(kind, variable []byte) bool {
	switch string(kind) {
	case "Newchannel", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold", "HangupRequest", "Hangup",
		"QueueCallerJoin", "QueueCallerLeave", "Status", "StatusComplete", "QueueEntry", "QueueStatusComplete":
		return true
	case "VarSet":
		return wantedVariable(variable)
	}
	return false
}

// wantedVariable: inherited variables begin with underscores.
func wantedVariable(name []byte) bool {
	switch string(bytes.TrimLeft(name, "_")) {
	case "MIXMONITOR_FILENAME", "VM_MESSAGEFILE", "TB_DID", "TB_DIR", "TB_AGENT":
		return true
	}
	return false
}
