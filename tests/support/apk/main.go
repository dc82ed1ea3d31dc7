// What Alpine's apk does with packages, as go-apk does it, which apko builds images with: an implementation that is not ours.
//
//	apk order LEFT RIGHT                        -1, 0 or 1, as versions are sorted
//	apk add ROOT ARCHITECTURE NAME REPOSITORY…  the newest version, with what it depends on, into an empty root
//
// It neither upgrades nor removes, runs no scripts, and knows only signatures with SHA-1: those of an index are not checked by it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chainguard-dev/go-apk/pkg/apk"
	"github.com/chainguard-dev/go-apk/pkg/fs"
)

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
		func() error { return system.InitDB(ctx) },
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
