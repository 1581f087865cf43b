package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Has reports whether path is listed.
func (im *Image) Has(path string) bool {
	path = clean(path)
	for _, e := range im.entries {
		if e.path == path {
			return true
		}
	}
	return false
}

// Unpack writes the image below the folder to, without its devices, which an
// ordinary user cannot make. Sources are relative to dir. A list that leads out
// of the folder through a link of its own is refused by complete.
func (im *Image) Unpack(to, dir string) error {
	all, err := im.complete()
	if err != nil {
		return err
	}
	if err := load(all, dir); err != nil {
		return err
	}
	var bad []error
	for _, e := range all {
		path := filepath.Join(to, e.path)
		mode := os.FileMode(e.mode & 0o777)
		if e.mode&0o1000 != 0 {
			mode |= os.ModeSticky
		}
		var err error
		switch e.mode &^ 0o7777 {
		case typeDir:
			if err = os.MkdirAll(path, 0o755); err == nil {
				err = os.Chmod(path, mode)
			}
		case typeFile:
			if err = os.WriteFile(path, e.data, 0o644); err == nil {
				err = os.Chmod(path, mode)
			}
		case typeLink:
			err = os.Symlink(string(e.data), path)
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("image: /%s: %w", strings.TrimPrefix(e.path, "/"), err))
		}
	}
	return errors.Join(bad...)
}
