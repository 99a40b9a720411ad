package config

import (
	"reflect"
	"slices"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// PopOn is when a page opens.
type PopOn string

// The values of PopOn.
const (
	PopOnRinging PopOn = "ringing" // while the phone rings
	PopOnAnswer  PopOn = "answer"  // when the agent answers
)

// PopOpen is which page opens.
type PopOpen string

// The values of PopOpen.
const (
	PopOpenTicket           PopOpen = "ticket"              // the call's ticket
	PopOpenUser             PopOpen = "user"                // the caller's profile
	PopOpenOpenTicketOrUser PopOpen = "open_ticket_or_user" // the caller's open ticket if there is one, else the profile
)

// RingGroups is what happens when several phones ring for one call.
type RingGroups string

// The values of RingGroups.
const (
	RingGroupsAnswer RingGroups = "answer" // the page opens at the one who answers
	RingGroupsAll    RingGroups = "all"    // the page opens at everyone whose phone rings
)

// CreateAt is when a ticket is made.
type CreateAt string

// The values of CreateAt.
const (
	CreateAtAnswer CreateAt = "answer" // at the answer, completed at the end: two writes
	CreateAtEnd    CreateAt = "end"    // at the end: one write
)

// SharedNumber is whose call it is when several users share a number.
type SharedNumber string

// The values of SharedNumber.
const (
	SharedNumberNone   SharedNumber = "none"   // none of them: the number gets a user of its own
	SharedNumberOldest SharedNumber = "oldest" // the user who was there first
	SharedNumberNewest SharedNumber = "newest" // the user who came last
	SharedNumberActive SharedNumber = "active" // the user whose ticket changed last
	SharedNumberTag    SharedNumber = "tag"    // none of them, and the ticket says so
)

// RecordingsMode is how a ticket reaches its audio.
type RecordingsMode string

// The values of RecordingsMode.
const (
	RecordingsModeLink   RecordingsMode = "link"   // a signed link to talkbridge
	RecordingsModeUpload RecordingsMode = "upload" // the audio is stored with Zendesk
)

// FieldType is what a ticket field holds.
type FieldType string

// The values of FieldType.
const (
	FieldTypeText     FieldType = "text"
	FieldTypeInteger  FieldType = "integer"  // written as digits
	FieldTypeCheckbox FieldType = "checkbox" // written as true or false
)

// Scope is which calls a token shows.
type Scope string

// The values of Scope.
const (
	ScopeAll Scope = "all" // every call
)

// TestDirection is who calls whom in a test.
type TestDirection string

// The values of TestDirection.
const (
	TestInbound  TestDirection = "inbound"
	TestOutbound TestDirection = "outbound"
	TestInternal TestDirection = "internal"
)

// TestDisposition is what becomes of a call in a test.
type TestDisposition string

// The values of TestDisposition.
const (
	TestAnswered  TestDisposition = "answered"
	TestMissed    TestDisposition = "missed"
	TestAbandoned TestDisposition = "abandoned"
	TestBusy      TestDisposition = "busy"
	TestFailed    TestDisposition = "failed"
	TestVoicemail TestDisposition = "voicemail"
)

// TestVia is the kind of call that a ticket stands for.
type TestVia string

// The values of TestVia.
const (
	TestViaInbound   TestVia = "inbound"
	TestViaOutbound  TestVia = "outbound"
	TestViaVoicemail TestVia = "voicemail"
	TestViaAttached  TestVia = "attached" // none of its own: the call went onto the caller's open ticket
)

// TestPriority is the priority that a ticket should have.
type TestPriority string

// TestNone is what a key of a test says where there should be nothing.
const TestNone = "none"

// TestAudio is what a ticket plays.
type TestAudio string

// The values of TestAudio, besides none.
const (
	TestPlaysRecording TestAudio = "recording"
	TestPlaysVoicemail TestAudio = "voicemail"
)

// TestPage is a page that opens.
type TestPage string

// The values of TestPage.
const (
	TestPageTicket     TestPage = "ticket"      // the call's own
	TestPageUser       TestPage = "user"        // the caller's profile
	TestPageOpenTicket TestPage = "open_ticket" // one of the caller that was open already
)

// CTIReply is how the sender of a CTI push is answered.
type CTIReply string

// The values of CTIReply.
const (
	CTIReplyJSON    CTIReply = "json"    // an empty object
	CTIReplySipgate CTIReply = "sipgate" // XML that says where to post answers and hangups
)

// EventKind is the type of an event that a phone system tells.
type EventKind string

// EventReason is why a call, or its ringing, ended.
type EventReason string

// The values of EventKind and EventReason are those of telephony/cti.
var (
	eventKinds   = texts(cti.Types)
	eventReasons = texts(cti.Reasons)
)

func texts[T ~string](values []T) []string {
	all := make([]string, 0, len(values))
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

// Consent is how callers agree to be recorded, in Zendesk's words.
type Consent string

// The values of Consent.
const (
	ConsentAlways Consent = "always"  // every call is recorded
	ConsentOptIn  Consent = "opt_in"  // those of callers who say so
	ConsentOptOut Consent = "opt_out" // those of callers who do not refuse
	ConsentNever  Consent = "never"   // none
)

// LogLevel is the least important kind of message that is written.
type LogLevel string

// The values of LogLevel, as logrus names them.
const (
	LogLevelDebug LogLevel = "debug"
	LogLevelInfo  LogLevel = "info"
	LogLevelWarn  LogLevel = "warn"
	LogLevelError LogLevel = "error"
)

// LogFormat is how a message looks.
type LogFormat string

// The values of LogFormat.
const (
	LogFormatText LogFormat = "text" // for people
	LogFormatJSON LogFormat = "json" // for collectors: one object on each line
)

// enums has the values of each type above, the usual one first.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[PopOn]():           {string(PopOnAnswer), string(PopOnRinging)},
	reflect.TypeFor[PopOpen]():         {string(PopOpenTicket), string(PopOpenUser), string(PopOpenOpenTicketOrUser)},
	reflect.TypeFor[RingGroups]():      {string(RingGroupsAnswer), string(RingGroupsAll)},
	reflect.TypeFor[CreateAt]():        {string(CreateAtAnswer), string(CreateAtEnd)},
	reflect.TypeFor[SharedNumber]():    {string(SharedNumberNone), string(SharedNumberOldest), string(SharedNumberNewest), string(SharedNumberActive), string(SharedNumberTag)},
	reflect.TypeFor[FieldType]():       {string(FieldTypeText), string(FieldTypeInteger), string(FieldTypeCheckbox)},
	reflect.TypeFor[RecordingsMode]():  {string(RecordingsModeLink), string(RecordingsModeUpload)},
	reflect.TypeFor[TranscriptionOf](): {string(TranscriptionOfVoicemail), string(TranscriptionOfAll)},
	reflect.TypeFor[Consent]():         {string(ConsentAlways), string(ConsentOptIn), string(ConsentOptOut), string(ConsentNever)},
	reflect.TypeFor[TestDirection]():   {string(TestInbound), string(TestOutbound), string(TestInternal)},
	reflect.TypeFor[TestDisposition](): {string(TestAnswered), string(TestMissed), string(TestAbandoned), string(TestBusy), string(TestFailed), string(TestVoicemail)},
	reflect.TypeFor[TestVia]():         {string(TestViaInbound), string(TestViaOutbound), string(TestViaVoicemail), string(TestViaAttached)},
	reflect.TypeFor[TestPriority]():    append(slices.Clone(priorities), TestNone),
	reflect.TypeFor[TestAudio]():       {string(TestPlaysRecording), string(TestPlaysVoicemail), TestNone},
	reflect.TypeFor[TestPage]():        {string(TestPageTicket), string(TestPageUser), string(TestPageOpenTicket)},
	reflect.TypeFor[CTIReply]():        {string(CTIReplyJSON), string(CTIReplySipgate)},
	reflect.TypeFor[RingOrder]():       {string(RingAtOnce), string(RingInTurn)},
	reflect.TypeFor[AudioFormat]():     {string(AudioMP3), string(AudioWAV)},
	reflect.TypeFor[EventKind]():       eventKinds,
	reflect.TypeFor[EventReason]():     eventReasons,
	reflect.TypeFor[TwilioMode]():      {string(TwilioObserve), string(TwilioAnswer)},
	reflect.TypeFor[Scope]():           {string(ScopeAll), string(ScopeDial)},
	reflect.TypeFor[DialFormat]():      {string(DialE164), string(DialInternational), string(DialNational)},
	reflect.TypeFor[LogLevel]():        {string(LogLevelInfo), string(LogLevelDebug), string(LogLevelWarn), string(LogLevelError)},
	reflect.TypeFor[LogFormat]():       {string(LogFormatText), string(LogFormatJSON)},
}
