package bridge

import (
	"container/heap"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// agenda holds the calls that are to be looked at again at some time. A call
// may stand in it more than once: looking once too often does no harm. It has
// one owner.
type agenda struct{ items appointments }

type appointment struct {
	at   time.Time
	call telephony.CallID
}

type appointments []appointment

func (a appointments) Len() int           { return len(a) }
func (a appointments) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a appointments) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *appointments) Push(x any) { *a = append(*a, x.(appointment)) } //nolint:forcetypeassert // our own heap

// Pop implements heap.Interface.
func (a *appointments) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (a *agenda) add(at time.Time, call telephony.CallID) {
	heap.Push(&a.items, appointment{at, call})
}

// due takes the next call whose time has come.
func (a *agenda) due(now time.Time) (telephony.CallID, bool) {
	if len(a.items) == 0 || a.items[0].at.After(now) {
		return "", false
	}
	return heap.Pop(&a.items).(appointment).call, true //nolint:forcetypeassert // our own heap
}

// first is when the next one is due, zero if none is.
func (a *agenda) first() time.Time {
	if len(a.items) == 0 {
		return time.Time{}
	}
	return a.items[0].at
}
