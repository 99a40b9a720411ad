package telephony

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// mostForeseen bounds for how many events room is made beforehand.
const mostForeseen = 256

// DecodeEvents reads events that were written as a JSON array, as an entry of the
// journal has them. Each has its kind once, which says for how many there must be room.
func DecodeEvents(data []byte) ([]Event, error) {
	foreseen := min(bytes.Count(data, []byte(`"kind":"`)), mostForeseen)
	events := make([]Event, 0, foreseen)
	if err := json.Unmarshal(data, &events); err != nil {
		return nil, fmt.Errorf("decode events: %w", err)
	}
	return events, nil
}
