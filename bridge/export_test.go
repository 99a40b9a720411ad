package bridge

import "time"

// SetPace has the minutes of Zendesk's limits pass n times as fast, as a simulator's
// may. It must be called before Run.
func (b *Bridge) SetPace(n float64) { b.lanes.updates.minute = time.Duration(float64(time.Minute) / n) }
