// What Alpine's apk does with packages, as go-apk does it, which apko builds images with: an implementation that is not ours.
//
//	apk order LEFT RIGHT                        -1, 0 or 1, as versions are sorted
//	apk add ROOT ARCHITECTURE NAME REPOSITORY…  the newest version (NAME=VERSION: that one), with what it depends on, into a root
//	apk remove ROOT NAME                        what the root's database lists of a package, and its folders that are empty then
//
// go-apk itself neither removes nor upgrades, runs no scripts, and knows only signatures with SHA-1: those of an index are not checked
// by it. To remove is what apk does with the database that go-apk writes and reads.
package main

import (
	"archive/tar"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chainguard-dev/go-apk/pkg/apk"
	"github.com/chainguard-dev/go-apk/pkg/fs"
)

const database = "lib/apk/db/installed"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 3 && words[0] == "order":
		return order(words[1], words[2])
	case len(words) > 4 && words[0] == "add":
		return add(words[1], words[2], words[3], words[4:])
	case len(words) == 3 && words[0] == "remove":
		return remove(words[1], words[2])
	}
	return fmt.Errorf("unknown words: %q", words)
}

func order(left, right string) error {
	one, err := apk.ParseVersion(left)
	if err != nil {
		return err
	}
	two, err := apk.ParseVersion(right)
	if err != nil {
		return err
	}
	fmt.Println(apk.CompareVersions(one, two))
	return nil
}

func add(root, architecture, name string, repositories []string) error {
	ctx, epoch := context.Background(), time.Unix(0, 0)
	system, err := apk.New(
		apk.WithFS(fs.DirFS(root)),
		apk.WithArch(architecture),
		apk.WithIgnoreMknodErrors(true),
		apk.WithNoSignatureIndexes(repositories...),
	)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error {
			if _, err := os.Stat(filepath.Join(root, database)); err == nil {
				return nil
			}
			return system.InitDB(ctx)
		},
		func() error { return system.SetRepositories(ctx, repositories) },
		func() error { return system.SetWorld(ctx, []string{name}) },
		func() error { return system.FixateWorld(ctx, &epoch) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	installed, err := system.GetInstalled()
	for _, each := range installed {
		fmt.Println(each.Name, each.Version)
	}
	return err
}

func remove(root, name string) error {
	text, err := os.ReadFile(filepath.Join(root, database))
	if err != nil {
		return err
	}
	installed, err := apk.ParseInstalled(strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	at := slices.IndexFunc(installed, func(each *apk.InstalledPackage) bool { return each.Name == name })
	if at < 0 {
		return fmt.Errorf("%s is not installed", name)
	}
	files := slices.Clone(installed[at].Files)
	slices.SortFunc(files, func(one, other tar.Header) int { return strings.Compare(other.Name, one.Name) }) // what is in a folder, first
	for _, file := range files {
		err := os.Remove(filepath.Join(root, file.Name))
		if err != nil && file.Typeflag != tar.TypeDir {
			return err
		}
	}
	paragraphs := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	kept := strings.Join(slices.Delete(paragraphs, at, at+1), "\n\n")
	return os.WriteFile(filepath.Join(root, database), []byte(kept+"\n\n"), 0o644)
}
