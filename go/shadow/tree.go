package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Scratch gives a new directory beside another one, into which the Go implementation may write, and what removes it.
func Scratch(beside string) (directory string, remove func(), err error) {
	if err := os.MkdirAll(filepath.Dir(beside), 0o755); err != nil {
		return "", nil, err
	}
	directory, err = os.MkdirTemp(filepath.Dir(beside), "shadow-")
	return directory, func() { _ = os.RemoveAll(directory) }, err
}

// Copy copies a directory with what is in it; what is not there is not copied, and no error.
func Copy(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		information, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, information.Mode().Perm()|0o700)
		case information.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case information.Mode().IsRegular():
			return copyFile(path, target, information.Mode().Perm())
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func copyFile(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint: errcheck // it was only read
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// Tree is a digest of the files of a clone: names, contents, who may execute them, where links lead. What git keeps for itself is left out.
func Tree(directory string) (string, error) {
	digest := sha256.New()
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		relative, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		information, err := entry.Info()
		if err != nil {
			return err
		}
		executable := information.Mode().IsRegular() && information.Mode()&0o100 != 0
		fmt.Fprintf(digest, "%q %v %v ", relative, information.Mode().Type(), executable)
		if information.Mode()&fs.ModeSymlink != 0 {
			link, err := os.Readlink(path)
			fmt.Fprintf(digest, "%q\n", link)
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close() //nolint: errcheck // it is only read
		content := sha256.New()
		_, err = io.Copy(content, file)
		fmt.Fprintf(digest, "%x\n", content.Sum(nil))
		return err
	})
	return hex.EncodeToString(digest.Sum(nil)[:8]), err
}
