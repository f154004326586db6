// Verifies a cosigned checkpoint by C2SP tlog-cosignature with Go's standard library alone, and shows that no changed byte
// of it, of its time or of its signature passes: witness.go LOG-KEY WITNESS-KEY FILE
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

type key struct {
	name   string
	id     []byte
	kind   byte
	public ed25519.PublicKey
}

// parse reads <name>+<id>+<base64 of kind and key> and computes the id again.
func parse(text string, kind byte) key {
	parts := strings.SplitN(strings.TrimSpace(text), "+", 3)
	if len(parts) != 3 {
		log.Fatalf("FAILED: %q is no key", text)
	}
	bytes, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(bytes) != 33 || bytes[0] != kind {
		log.Fatalf("FAILED: %q is no key of kind %d", text, kind)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), bytes...))
	if fmt.Sprintf("%x", sum[:4]) != parts[1] {
		log.Fatalf("FAILED: the id of %q is not %x", text, sum[:4])
	}
	return key{parts[0], sum[:4], kind, bytes[1:]}
}

// signatures finds the key's lines in a note.
func signatures(note []byte, by key) (text []byte, found [][]byte) {
	end := bytes.LastIndex(note, []byte("\n\n"))
	if end < 0 {
		return nil, nil
	}
	text = note[:end+1]
	for _, line := range strings.Split(strings.TrimSuffix(string(note[end+2:]), "\n"), "\n") {
		fields := strings.Split(line, " ")
		if len(fields) != 3 || fields[0] != "—" || fields[1] != by.name {
			continue
		}
		blob, err := base64.StdEncoding.DecodeString(fields[2])
		if err == nil && len(blob) > 4 && bytes.Equal(blob[:4], by.id) {
			found = append(found, blob[4:])
		}
	}
	return text, found
}

// cosigned says the time that a valid cosignature states.
func cosigned(note []byte, by key) (uint64, bool) {
	text, found := signatures(note, by)
	for _, signature := range found {
		if len(signature) != 8+ed25519.SignatureSize {
			continue
		}
		seconds := binary.BigEndian.Uint64(signature[:8])
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
		if ed25519.Verify(by.public, []byte(message), signature[8:]) {
			return seconds, true
		}
	}
	return 0, false
}

func signed(note []byte, by key) bool {
	text, found := signatures(note, by)
	for _, signature := range found {
		if ed25519.Verify(by.public, text, signature) {
			return true
		}
	}
	return false
}

func main() {
	log.SetFlags(0)
	author, witness := parse(os.Args[1], 1), parse(os.Args[2], 4)
	note, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	seconds, valid := cosigned(note, witness)
	if !valid || !signed(note, author) {
		log.Fatal("FAILED: the log's signature or the cosignature does not verify")
	}
	if age := time.Since(time.Unix(int64(seconds), 0)); age < -time.Minute || age > time.Hour {
		log.Fatalf("FAILED: the cosignature is of %v ago", age)
	}
	text, _ := signatures(note, witness)
	for at := range text {
		forged := append([]byte(nil), note...)
		forged[at] ^= 1
		if _, valid := cosigned(forged, witness); valid {
			log.Fatalf("FAILED: byte %d of the checkpoint was changed unnoticed", at)
		}
	}
	lines := strings.SplitAfter(string(note), "\n")
	last := lines[len(lines)-2]
	blob, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(last[strings.LastIndex(last, " ")+1:]))
	for at := range blob {
		changed := append([]byte(nil), blob...)
		changed[at] ^= 1
		line := last[:strings.LastIndex(last, " ")+1] + base64.StdEncoding.EncodeToString(changed) + "\n"
		forged := strings.Join(lines[:len(lines)-2], "") + line
		if _, valid := cosigned([]byte(forged), witness); valid {
			log.Fatalf("FAILED: byte %d of the cosignature was changed unnoticed", at)
		}
	}
	fmt.Printf("%s: the cosignature holds, and no changed byte of %d and of %d does\n", witness.name, len(text), len(blob))
}
