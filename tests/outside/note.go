// Verifies a signed note with Go's own implementation, which shares no code with the server or lww-verify, and shows
// that a changed note and a note without its signature are refused.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

func main() {
	log.SetFlags(0)
	vkey, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	message, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		log.Fatalf("FAILED: the verifier key: %v", err)
	}
	known := note.VerifierList(verifier)
	opened, err := note.Open(message, known)
	if err != nil {
		log.Fatalf("FAILED: the checkpoint: %v", err)
	}
	text := []byte(opened.Text)
	for at := range text {
		forged := append([]byte(nil), message...)
		forged[at] ^= 1
		if _, err := note.Open(forged, known); err == nil {
			log.Fatalf("FAILED: byte %d was changed unnoticed", at)
		}
	}
	if _, err := note.Open(append(text, '\n'), known); err == nil {
		log.Fatal("FAILED: a note without its signature was accepted")
	}
	fmt.Printf("%s: the signature holds, and no changed byte of %d does\n", verifier.Name(), len(text))
}
