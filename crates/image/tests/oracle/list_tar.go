// Lists tar archives as Go's archive/tar reads them: the oracle of tests/go_archive.rs.
//
// In: names of files. Out: one JSON line per file, with the entries up to its end or to the first error.
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
)

type entry struct {
	Name, Link     string
	Type           string
	Mode           int64
	Uid, Gid       int
	Size, Mtime    int64
	Content        string
}

type listing struct {
	Entries []entry
	Error   string
}

func list(file string) (l listing) {
	l.Entries = []entry{}
	f, err := os.Open(file)
	if err != nil {
		l.Error = err.Error()
		return
	}
	defer f.Close()
	r := tar.NewReader(struct{ io.Reader }{f})
	for {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			l.Error = err.Error()
			return
		}
		e := entry{hex.EncodeToString([]byte(h.Name)), hex.EncodeToString([]byte(h.Linkname)), string(rune(h.Typeflag)), h.Mode, h.Uid, h.Gid, h.Size, h.ModTime.Unix(), ""}
		if h.Size < 1<<24 {
			s := sha256.New()
			if _, err := io.Copy(s, r); err != nil {
				l.Error = err.Error()
				return
			}
			e.Content = hex.EncodeToString(s.Sum(nil))
		}
		l.Entries = append(l.Entries, e)
	}
}

func main() {
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	out := json.NewEncoder(w)
	for _, file := range os.Args[1:] {
		out.Encode(list(file))
	}
}
