package measure

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// replacement is a file that is written beside the one whose place it takes when it is whole: until
// then, and if that never comes, what was there stays.
type replacement struct {
	file *os.File
	of   string // "" for what is written as it is: a device, a pipe
}

// replace makes a replacement of the file at path, which may be absent.
func replace(path string) (*replacement, error) {
	r, err := begin(path)
	if err != nil {
		return nil, fmt.Errorf("can't write a file: %v", err) // not about a queue
	}
	return r, nil
}

func begin(path string) (*replacement, error) {
	mode, exists := fs.FileMode(0o666), false
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path, exists = target, true
	}
	if exists {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // it has to be one that this user may write
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			return &replacement{file: f}, nil
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		mode = info.Mode().Perm()
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d-%d", filepath.Base(path), os.Getpid(), time.Now().UnixNano()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if bad := new(fs.PathError); errors.As(err, &bad) {
		bad.Path = path // the name that the user knows
	}
	if err != nil {
		return nil, err
	}
	r := &replacement{f, path}
	if exists { // the umask may have cut it
		if err := f.Chmod(mode); err != nil {
			return nil, errors.Join(err, r.discard())
		}
	}
	return r, nil
}

// fill writes it, and puts it into its place.
func (r *replacement) fill(write func(io.Writer) error) error {
	w := bufio.NewWriter(r.file)
	if err := errors.Join(write(w), w.Flush()); err != nil {
		return errors.Join(err, r.discard())
	}
	if err := r.file.Close(); err != nil || r.of == "" {
		return err
	}
	return os.Rename(r.file.Name(), r.of)
}

// discard removes it.
func (r *replacement) discard() error {
	err := r.file.Close()
	if r.of != "" {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	return err
}
