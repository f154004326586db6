// Reads a log by Go's own tlog implementation, which shares no code with the server or lww-verify: tiles over HTTP as C2SP
// tlog-tiles has them, proofs of entries and of growth out of them; and shows that a changed tile or entry is refused.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A log below a prefix; forge, if set, changes what comes from there.
type served struct {
	prefix, cookie string
	forge          func(path string, data []byte)
	kept           map[string][]byte
}

func (s served) fetch(path string) ([]byte, error) {
	// What a tile holds never changes, and the server bounds how often it is asked.
	if data, known := s.kept[path]; known {
		return data, nil
	}
	request, err := http.NewRequest("GET", s.prefix+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Cookie", s.cookie)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != 200 {
		err = fmt.Errorf("%s: status %d", path, answer.StatusCode)
	}
	if s.forge != nil && err == nil {
		s.forge(path, data)
	}
	if err == nil {
		s.kept[path] = data
	}
	return data, err
}

func (s served) Height() int                                { return 8 }
func (s served) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		// Go names tiles of other heights, too: tile/8/0/000 is tile/0/000 here.
		data, err := s.fetch("tile/" + strings.TrimPrefix(tile.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// The entries of a bundle.
func (s served) bundle(index, width int64) ([][]byte, error) {
	name := fmt.Sprintf("tile/entries/%03d", index)
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	data, err := s.fetch(name)
	var entries [][]byte
	for err == nil && len(data) > 0 {
		length := int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:2+length]), data[2+length:]
	}
	return entries, err
}

// Proves every entry, and that the log grew from each of some sizes.
func (s served) check(tree tlog.Tree) error {
	hashes := tlog.TileHashReader(tree, s)
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		entries, err := s.bundle(first/256, width)
		if err != nil {
			return err
		}
		for n, entry := range entries {
			proof, err := tlog.ProveRecord(tree.N, first+int64(n), hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, first+int64(n), tlog.RecordHash(entry)); err != nil {
				return err
			}
		}
	}
	for _, size := range []int64{1, 2, 255, 256, 257, tree.N - 1} {
		if size < 1 || size > tree.N {
			continue
		}
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, size, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, size, root); err != nil {
			return err
		}
	}
	return nil
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatalf("FAILED: %v", err)
	}
	return value
}

func main() {
	log.SetFlags(0)
	vkey := strings.TrimSpace(string(must(os.ReadFile(os.Args[1]))))
	own := served{prefix: os.Args[2], cookie: os.Args[3], kept: map[string][]byte{}}
	verifier := must(note.NewVerifier(vkey))
	opened := must(note.Open(must(own.fetch("checkpoint")), note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	var tree tlog.Tree
	tree.N = must(strconv.ParseInt(lines[1], 10, 64))
	copy(tree.Hash[:], must(base64.StdEncoding.DecodeString(lines[2])))
	if tree.N <= 256 {
		log.Fatalf("FAILED: only %d entries", tree.N)
	}
	if err := own.check(tree); err != nil {
		log.Fatalf("FAILED: %v", err)
	}
	for _, file := range []string{"tile/0/000", "tile/entries/000"} {
		forged := own
		forged.kept = map[string][]byte{}
		forged.forge = func(path string, data []byte) {
			if path == file {
				data[len(data)/2] ^= 1
			}
		}
		if forged.check(tree) == nil {
			log.Fatalf("FAILED: %s was changed unnoticed", file)
		}
	}
	fmt.Printf("%s: Go's tlog proves all %d entries and that the log only grew, and refuses changed files\n", lines[0], tree.N)
}
