package asterisktest

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// class is a set of privilege classes of manager.conf.
type class uint32

// The names in the order of manager.conf.sample of Asterisk 22.
var classNames = []string{
	"system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting",
	"cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message", "all",
}

const (
	classSystem class = 1 << iota
	classCall

	classAgent     = class(1 << 5)
	classReporting = class(1 << 9)
	classOriginate = class(1 << 12)
	classAll       = class(1 << 19)
	everyClass     = class(1<<20 - 1)
)

// parseClasses reads a comma separated list; unknown names are left out, as
// Asterisk does.
func parseClasses(list string) class {
	var set class
	for name := range strings.SplitSeq(list, ",") {
		if i := slices.Index(classNames, strings.TrimSpace(name)); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

// parsePermission reads the value of read= or write=.
func parsePermission(list string) class {
	set := parseClasses(list)
	if set&classAll != 0 {
		return everyClass
	}
	return set
}

// User is one section of manager.conf.
type User struct {
	Name   string
	Secret string
	Read   string // privilege classes, comma separated, or "all"; "": none
	Write  string // likewise
	// EventFilters are regular expressions over the text of a whole event; with
	// a leading "!" they exclude. Several are OR-ed, and without an including
	// one everything is included. Only this older form of eventfilter is known,
	// not the one with action() and name() of recent versions.
	EventFilters []string
	// Permit names the networks that may log in; empty: every one.
	Permit []netip.Prefix
	// WriteTimeout is how long a write to a client that does not read may
	// stall before the client is thrown out; 0: 100 ms, as in Asterisk.
	WriteTimeout time.Duration
}

// FullUser is a user "lab" with secret "labsecret" who reads and writes
// everything: the one that most captures were recorded with.
func FullUser() User {
	return User{Name: "lab", Secret: "labsecret", Read: "all", Write: "all", WriteTimeout: 5 * time.Second}
}

// LeastPrivilegeUser is the user talkbridge is meant to have: name
// "talkbridge", secret "tbsecret", the classes and event filters that the
// capture "t1_least_privilege_a" was recorded with.
func LeastPrivilegeUser() User {
	return User{
		Name:   "talkbridge",
		Secret: "tbsecret",
		Read:   "call,agent,cdr,user,dialplan,system",
		Write:  "call,reporting",
		EventFilters: []string{
			`Event: (Newchannel|Newstate|NewCallerid|NewConnectedLine|DialBegin|DialEnd|BridgeEnter|BridgeLeave|BlindTransfer|AttendedTransfer|Hold|Unhold|Hangup|HangupRequest|OriginateResponse|Pickup|Rename)`,
			`Event: (QueueCallerJoin|QueueCallerLeave|QueueCallerAbandon|AgentCalled|AgentConnect|AgentComplete|AgentRingNoAnswer|MessageWaiting|MixMonitorStart|MixMonitorStop|UserEvent|Cdr)`,
			`Event: (FullyBooted|Shutdown|Reload)`,
			`Variable: _*(VM_MESSAGEFILE|VMSTATUS|MIXMONITOR_FILENAME|DIALSTATUS|QUEUESTATUS|TB_[A-Z]+)`,
		},
		WriteTimeout: 30 * time.Second,
	}
}

// Config says how a Server behaves. The zero value is a working server with
// both FullUser and LeastPrivilegeUser on a free port of 127.0.0.1.
type Config struct {
	// Address to listen on; "": "127.0.0.1:0".
	Address string
	// TLS opens a second listener that speaks TLS from the first byte, with a
	// certificate made at start; see Server.TLSAddr and Server.CertificatePEM.
	TLS bool
	// TLSAddress is where the TLS listener is; "": "127.0.0.1:0".
	TLSAddress string
	// Users who may log in; nil: FullUser and LeastPrivilegeUser.
	Users []User
	// Version in the greeting; "": "11.0.0", that of Asterisk 22. Asterisk 16
	// says "5.0.4".
	Version string
	// SystemName prefixes each Uniqueid and stands in each event, as systemname
	// in asterisk.conf does; "": "pbx1". "-" means that none is configured.
	SystemName string
	// NoTimestamps leaves the Timestamp header out of events, as
	// timestampevents=no does, which is Asterisk's default.
	NoTimestamps bool
	// AuthTimeout closes a connection that has not logged in by then, without a
	// word; 0: 30 s.
	AuthTimeout time.Duration
	// SendBuffer is the size of the kernel's send buffer in bytes; 0: the
	// system's default. Small values make a stalled client felt early.
	SendBuffer int
	// Queues that QueueStatus lists.
	Queues []Queue
	// Now is the clock of events and of Status; nil: time.Now. It is called
	// from many goroutines.
	Now func() time.Time
	// Originate plays the calls that clients place, each in a goroutine of its own; nil
	// takes the orders alone. Unanswered lets their answers get lost, and the orders
	// with them.
	Originate  func(*Script)
	Unanswered bool
	// SeenAfter is how long a connection must outlast what it was told of a
	// call before that counts as told; see Call.Seen. 0: one second.
	SeenAfter time.Duration
}

// Queue is one queue of queues.conf.
type Queue struct {
	Name    string
	Members []string // interfaces, such as "PJSIP/1001"
}

func (c Config) withDefaults() Config {
	orDefault(&c.Address, "127.0.0.1:0")
	orDefault(&c.TLSAddress, "127.0.0.1:0")
	orDefault(&c.Version, "11.0.0")
	orDefault(&c.SystemName, "pbx1")
	orDefault(&c.AuthTimeout, 30*time.Second)
	orDefault(&c.SeenAfter, time.Second)
	if c.SystemName == "-" {
		c.SystemName = ""
	}
	if c.Users == nil {
		c.Users = []User{FullUser(), LeastPrivilegeUser()}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func orDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// account is a User made ready for use.
type account struct {
	User
	read, write class
	filters     filters
}

func newAccounts(users []User) (map[string]*account, error) {
	accounts := make(map[string]*account, len(users))
	for _, user := range users {
		filters, err := newFilters(user.EventFilters)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", user.Name, err)
		}
		orDefault(&user.WriteTimeout, 100*time.Millisecond)
		accounts[user.Name] = &account{
			User:    user,
			read:    parsePermission(user.Read),
			write:   parsePermission(user.Write),
			filters: filters,
		}
	}
	return accounts, nil
}

func (a *account) permits(address netip.Addr) bool {
	return len(a.Permit) == 0 ||
		slices.ContainsFunc(a.Permit, func(network netip.Prefix) bool { return network.Contains(address) })
}

// filters decide which events a session gets.
type filters struct{ include, exclude []*regexp.Regexp }

func newFilters(expressions []string) (filters, error) {
	var f filters
	for _, expression := range expressions {
		if err := f.add(expression); err != nil {
			return filters{}, err
		}
	}
	return f, nil
}

func (f *filters) add(expression string) error {
	excluding := strings.HasPrefix(expression, "!")
	compiled, err := regexp.Compile(strings.TrimPrefix(expression, "!"))
	if err != nil {
		return fmt.Errorf("event filter %q: %w", expression, err)
	}
	if excluding {
		f.exclude = append(f.exclude, compiled)
	} else {
		f.include = append(f.include, compiled)
	}
	return nil
}

func (f *filters) pass(text []byte) bool {
	matches := func(expression *regexp.Regexp) bool { return expression.Match(text) }
	if len(f.include) > 0 && !slices.ContainsFunc(f.include, matches) {
		return false
	}
	return !slices.ContainsFunc(f.exclude, matches)
}

func (f *filters) clone() filters {
	return filters{include: slices.Clone(f.include), exclude: slices.Clone(f.exclude)}
}
