package journal

// Groups is how many batches were stored.
func (j *Journal) Groups() int64 { return j.group.sent.Load() }

// CrowdedFrom has appends sent together when so many are under way.
func (j *Journal) CrowdedFrom(n int64) { j.crowded = n }
