// Verifies a log of ours, and makes one for us to verify, with Go's own packages: sumdb/note,
// sumdb/tlog and crypto/mldsa.
//
//	interop verify FOLDER    interop make FOLDER SIZE OLD INDEX
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What is claimed about a log, beside its tiles and checkpoint.
type claims struct {
	Keys        []string `json:"keys"`
	OldSize     int64    `json:"oldSize"`
	OldRoot     string   `json:"oldRoot"`
	Consistency []string `json:"consistency"`
	Index       int64    `json:"index"`
	Entry       string   `json:"entry"`
	Inclusion   []string `json:"inclusion"`
}

func main() {
	switch os.Args[1] {
	case "verify":
		verify(os.Args[2])
	case "make":
		produce(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]))
	}
}

func verify(folder string) {
	var claimed claims
	check(json.Unmarshal(read(folder, "claims.json"), &claimed))
	var verifiers []note.Verifier
	for _, key := range claimed.Keys {
		verifiers = append(verifiers, verifier(key))
	}
	opened, err := note.Open(read(folder, "checkpoint"), note.VerifierList(verifiers...))
	check(err)
	if len(opened.Sigs) != len(verifiers) || len(opened.UnverifiedSigs) != 0 {
		fail("%d of %d signatures verify", len(opened.Sigs), len(verifiers))
	}
	lines := strings.Split(opened.Text, "\n")
	size := number(lines[1])
	root := hash(lines[2])

	check(tlog.CheckRecord(hashes(claimed.Inclusion), size, root, claimed.Index, tlog.RecordHash(decode(claimed.Entry))))
	check(tlog.CheckTree(hashes(claimed.Consistency), size, root, claimed.OldSize, hash(claimed.OldRoot)))

	// Every leaf hash, authenticated through our tiles, is that of the entry in our bundles.
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles(folder))
	for start := int64(0); start < size; start += 256 {
		end := min(start+256, size)
		var indexes []int64
		for index := start; index < end; index++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, index))
		}
		leaves, err := reader.ReadHashes(indexes)
		check(err)
		for at, entry := range entries(folder, start/256, int(end-start)) {
			if tlog.RecordHash(entry) != leaves[at] {
				fail("entry %d is not the leaf", start+int64(at))
			}
		}
	}
	proof, err := tlog.ProveRecord(size, claimed.Index, reader)
	check(err)
	same("inclusion", proof, hashes(claimed.Inclusion))
	grown, err := tlog.ProveTree(size, claimed.OldSize, reader)
	check(err)
	same("consistency", grown, hashes(claimed.Consistency))
	fmt.Println("verified", size)
}

func produce(folder string, size, oldSize, index int64) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	var bundle []byte
	for at := int64(0); at < size; at++ {
		entry := fmt.Appendf(nil, "entry %d", at)
		more, err := tlog.StoredHashes(at, entry, reader)
		check(err)
		stored = append(stored, more...)
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
		bundle = append(bundle, entry...)
		if (at+1)%256 == 0 || at+1 == size {
			write(folder, path(tlog.Tile{H: 8, L: -1, N: at / 256, W: int(at%256) + 1}), bundle)
			bundle = nil
		}
	}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, reader)
		check(err)
		write(folder, path(tile), data)
	}
	root, err := tlog.TreeHash(size, reader)
	check(err)
	oldRoot, err := tlog.TreeHash(oldSize, reader)
	check(err)
	inclusion, err := tlog.ProveRecord(size, index, reader)
	check(err)
	consistency, err := tlog.ProveTree(size, oldSize, reader)
	check(err)

	origin := "go.example/log"
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
	ed := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	pq, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), bytes.Repeat([]byte{2}, 32))
	check(err)
	const time = 1_700_000_000
	pqSigned, err := pq.Sign(nil, subtree(origin, origin, time, size, root), &mldsa.Options{})
	check(err)
	witness := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	cosigned := ed25519.Sign(witness, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, text))
	keys := [][]byte{
		append([]byte{1}, ed.Public().(ed25519.PublicKey)...),
		append([]byte{6}, pq.PublicKey().Bytes()...),
		append([]byte{4}, witness.Public().(ed25519.PublicKey)...),
	}
	names := []string{origin, origin, "go.example/witness"}
	signatures := [][]byte{ed25519.Sign(ed, []byte(text)), timed(time, pqSigned), timed(time, cosigned)}
	out := text + "\n"
	var vkeys []string
	for at, key := range keys {
		id := keyID(names[at], key)
		line := binary.BigEndian.AppendUint32(nil, id)
		out += fmt.Sprintf("— %s %s\n", names[at], encode(append(line, signatures[at]...)))
		vkeys = append(vkeys, fmt.Sprintf("%s+%08x+%s", names[at], id, encode(key)))
	}
	write(folder, "checkpoint", []byte(out))
	claimed, err := json.Marshal(claims{
		vkeys, oldSize, oldRoot.String(), texts(consistency),
		index, encode(fmt.Appendf(nil, "entry %d", index)), texts(inclusion),
	})
	check(err)
	write(folder, "claims.json", claimed)
}

// A verifier for types 1, 4 and 6; the package knows the first alone.
func verifier(vkey string) note.Verifier {
	parts := strings.SplitN(vkey, "+", 3)
	name, key := parts[0], decode(parts[2])
	if fmt.Sprintf("%08x", keyID(name, key)) != parts[1] {
		fail("the key ID of %s is another", name)
	}
	if key[0] == 1 {
		known, err := note.NewVerifier(vkey)
		check(err)
		return known
	}
	return cosigner{name, key}
}

type cosigner struct {
	name string
	key  []byte
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return keyID(c.name, c.key) }

func (c cosigner) Verify(message, signature []byte) bool {
	time := binary.BigEndian.Uint64(signature)
	if c.key[0] == 4 {
		cosigned := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, message)
		return ed25519.Verify(c.key[1:], cosigned, signature[8:])
	}
	lines := strings.Split(string(message), "\n")
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), c.key[1:])
	check(err)
	signed := subtree(c.name, lines[0], time, number(lines[1]), hash(lines[2]))
	return mldsa.Verify(key, signed, signature[8:], &mldsa.Options{}) == nil
}

// The `cosigned_message` of tlog-cosignature.
func subtree(cosigner, origin string, time uint64, size int64, root tlog.Hash) []byte {
	message := []byte("subtree/v1\n\x00")
	message = append(append(message, byte(len(cosigner))), cosigner...)
	message = binary.BigEndian.AppendUint64(message, time)
	message = append(append(message, byte(len(origin))), origin...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, uint64(size))
	return append(message, root[:]...)
}

func keyID(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

type tiles string

func (t tiles) Height() int                        { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		found = append(found, read(string(t), path(tile)))
	}
	return found, nil
}

// tlog-tiles leaves out the height, and names bundles otherwise.
func path(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

func entries(folder string, index int64, width int) [][]byte {
	bundle := read(folder, path(tlog.Tile{H: 8, L: -1, N: index, W: width}))
	var found [][]byte
	for len(bundle) > 0 {
		length := int(binary.BigEndian.Uint16(bundle))
		found = append(found, bundle[2:2+length])
		bundle = bundle[2+length:]
	}
	if len(found) != width {
		fail("bundle %d has %d entries", index, len(found))
	}
	return found
}

func same(what string, ours, theirs []tlog.Hash) {
	if fmt.Sprint(ours) != fmt.Sprint(theirs) {
		fail("another %s proof", what)
	}
}

func timed(time uint64, signature []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, time), signature...)
}

func hashes(texts []string) []tlog.Hash {
	var found []tlog.Hash
	for _, text := range texts {
		found = append(found, hash(text))
	}
	return found
}

func texts(hashes []tlog.Hash) []string {
	found := []string{}
	for _, hash := range hashes {
		found = append(found, hash.String())
	}
	return found
}

func hash(text string) tlog.Hash {
	parsed, err := tlog.ParseHash(text)
	check(err)
	return parsed
}

func number(text string) int64 {
	parsed, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return parsed
}

func encode(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func decode(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	check(err)
	return data
}

func read(folder, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	check(err)
	return data
}

func write(folder, name string, data []byte) {
	name = filepath.Join(folder, name)
	check(os.MkdirAll(filepath.Dir(name), 0o755))
	check(os.WriteFile(name, data, 0o644))
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
