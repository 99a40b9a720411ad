package journal

import (
	"time"

	"golang.org/x/sys/unix"
)

// BootTime is a clock that also counts while the machine is suspended, and that nobody sets: the time since it was
// started.
func BootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(ts.Nano())
}
