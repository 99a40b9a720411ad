package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// The engine's block files, as its file store writes them (nats-server 2.15, server/filestore.go: msgHdrSize,
// rebuildStateFromBufLocked, hashKeyForBlock): a sequence of records, each
//
//	length uint32 (top bit: has headers), sequence uint64, time uint64, subject length uint16,
//	subject, [header length uint32, headers,] body, hash uint64
//
// little-endian, the hash over everything but the three lengths. The engine itself cuts a block at its first bad
// record, silently; so the blocks are looked at before the engine may.
const (
	recordHeader   = 22
	recordHash     = 8
	headersBit     = 1 << 31
	erasedBit      = 1 << 63
	tombstoneBit   = 1 << 62
	maxRecordBytes = 32 << 20
	maxBlockBytes  = 64 << 20
	blockSuffix    = ".blk"
)

var errBadRecord = errors.New("a record does not agree with its checksum")

type block struct {
	path  string
	index uint32
	size  int64
}

// blockScan follows the sequences through the blocks.
type blockScan struct {
	dir   string
	known *known
	prev  uint64 // The last sequence seen.
	bound bool   // The next sequence must follow prev: false before the first one, unless the scan is of all blocks.
	buf   []byte
}

// scanBlocks checks that every known record is readable in the newest `limit` bytes of the blocks, reading only.
func scanBlocks(ctx context.Context, dir string, k *known, limit int64) error {
	all, err := listBlocks(filepath.Join(dir, blockFolder))
	if err != nil {
		return &DamagedError{Dir: dir, Found: "its blocks cannot be listed", Err: err}
	}
	blocks := newest(all, limit)
	s := &blockScan{dir: dir, known: k}
	if len(blocks) == len(all) {
		s.prev, s.bound = max(k.First, 1)-1, true // So a missing head is a gap.
	}
	for i, b := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.block(b, i == len(blocks)-1); err != nil {
			return err
		}
	}
	if s.bound && k.holds() && s.prev < k.Last {
		return &DamagedError{Dir: dir, Found: fmt.Sprintf("it ends at record %d, but record %d was acknowledged", s.prev, k.Last)}
	}
	return nil
}

func listBlocks(folder string) ([]block, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var blocks []block
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), blockSuffix)
		if !ok {
			continue
		}
		index, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block{path: filepath.Join(folder, entry.Name()), index: uint32(index), size: info.Size()})
	}
	slices.SortFunc(blocks, func(a, b block) int { return int(int64(a.index) - int64(b.index)) })
	return blocks, nil
}

// newest returns the last blocks that together have at most limit bytes, and always the last one.
func newest(blocks []block, limit int64) []block {
	from := len(blocks)
	for from > 0 && (limit >= blocks[from-1].size || from == len(blocks)) {
		from--
		limit -= blocks[from].size
	}
	return blocks[from:]
}

func (s *blockScan) block(b block, last bool) error {
	name := filepath.Base(b.path)
	if err := s.load(b); err != nil {
		return &DamagedError{Dir: s.dir, Found: "block " + name + " cannot be read", Err: err}
	}
	hash, err := blockHash(b.index)
	if err != nil {
		return err
	}
	for at := 0; at < len(s.buf); {
		seq, size, err := parseRecord(s.buf[at:], hash)
		if err != nil {
			if last && s.prev >= s.known.Last && !s.continues(at, hash) {
				return nil // A record that was being written when the process ended: never acknowledged.
			}
			return &DamagedError{Dir: s.dir, Found: fmt.Sprintf("block %s, byte %d, after record %d", name, at, s.prev), Err: err}
		}
		if err := s.follow(seq, name); err != nil {
			return err
		}
		at += size
	}
	return nil
}

// load reads a whole block into the scan's buffer.
func (s *blockScan) load(b block) (err error) {
	if b.size > maxBlockBytes {
		return fmt.Errorf("it has %d bytes, at most %d are expected", b.size, maxBlockBytes)
	}
	f, err := os.Open(b.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.buf = slices.Grow(s.buf[:0], int(b.size))[:b.size]
	_, err = io.ReadFull(f, s.buf)
	return err
}

// follow takes the next sequence; a gap among what must be there is a loss.
func (s *blockScan) follow(seq uint64, name string) error {
	if seq&(tombstoneBit|erasedBit) != 0 || seq == 0 || seq <= s.prev {
		return nil // The trace of a purge, or what a purge left in the first block.
	}
	if s.bound && seq != s.prev+1 && seq > s.known.First {
		return &DamagedError{Dir: s.dir, Found: fmt.Sprintf("records %d to %d are missing before block %s", max(s.prev+1, s.known.First), seq-1, name)}
	}
	s.prev, s.bound = seq, true
	return nil
}

// continues reports whether a good record follows the bad one at that place: then it was not cut off, but changed.
func (s *blockScan) continues(at int, hash *highwayhash.Digest64) bool {
	const lookAhead = 4 // Sequences; one bad spot seldom spans more records.
	for seq := s.prev + 1; seq <= s.prev+1+lookAhead; seq++ {
		needle := binary.LittleEndian.AppendUint64(nil, seq)
		for from := at; ; {
			i := bytes.Index(s.buf[from:], needle)
			if i < 0 {
				break
			}
			from += i + 1
			start := from - 1 - 4
			if start < at {
				continue
			}
			if got, _, err := parseRecord(s.buf[start:], hash); err == nil && got == seq {
				return true
			}
		}
	}
	return false
}

func blockHash(index uint32) (*highwayhash.Digest64, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", streamName, index))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return nil, fmt.Errorf("make block hash: %w", err)
	}
	return hash, nil
}

// parseRecord returns the sequence (with its flags) and the size of the record that buf begins with.
func parseRecord(buf []byte, hash *highwayhash.Digest64) (seq uint64, size int, err error) {
	if len(buf) < recordHeader {
		return 0, 0, io.ErrUnexpectedEOF
	}
	le := binary.LittleEndian
	length, subject := le.Uint32(buf), int(le.Uint16(buf[20:]))
	prefix := subject
	if length&headersBit != 0 {
		length &^= headersBit
		prefix += 4
	}
	size = int(length)
	if size > maxRecordBytes || size < recordHeader+prefix+recordHash {
		return 0, 0, errBadRecord
	}
	if size > len(buf) {
		return 0, 0, io.ErrUnexpectedEOF
	}
	data := buf[recordHeader:size]
	hash.Reset()
	_, _ = hash.Write(buf[4:20]) // A hash's Write returns no error.
	_, _ = hash.Write(data[:subject])
	_, _ = hash.Write(data[prefix : len(data)-recordHash])
	var sum [recordHash]byte
	if !bytes.Equal(hash.Sum(sum[:0]), data[len(data)-recordHash:]) {
		return 0, 0, errBadRecord
	}
	return le.Uint64(buf[4:]), size, nil
}
