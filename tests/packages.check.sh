#!/bin/sh
# Where packages come from: modules, replacements, vendor folders, internal packages, constraints in
# names and //go:build lines, language versions; what is missing, and what //go:embed refuses.
. tests/prologue.sh
# out TEXT COMMAND...: prints exactly that; err TEXT COMMAND...: fails with that in standard error
out() {
    want=$1
    shift
    got=$(timeout 60 "$@" 2>&1 </dev/null)
    if [ "$got" != "$want" ]; then echo "packages: $*: got $got, wanted $want"; bad=1; fi
}
err() {
    want=$1
    shift
    got=$(timeout 60 "$@" 2>&1 </dev/null) && { echo "packages: $* succeeded"; bad=1; }
    case $got in *"$want"*) ;; *) echo "packages: $*: got $got, wanted $want"; bad=1 ;; esac
}
file() { mkdir -p "$(dirname "$1")" && cat >"$1"; }

# a module with packages of its own, a replacement, a vendored package
file m/go.mod <<'X'
module example.com/m

go 1.24

require (
	example.com/dep v1.2.3
	example.com/vendored v0.0.1 // indirect
)

replace example.com/dep v1.2.3 => ../dep
X
file dep/go.mod <<'X'
module example.com/dep
go 1.21
X
file dep/dep.go <<'X'
package dep

import "example.com/dep/internal/secret"

// All closures see one variable: this module asks for 1.21.
func Loop() (n int) {
	var fs []func() int
	for i := 0; i < 3; i++ {
		fs = append(fs, func() int { return i })
	}
	return fs[0]() + secret.N
}
X
file dep/internal/secret/s.go <<'X'
package secret
const N = 100
X
file m/vendor/example.com/vendored/v.go <<'X'
package vendored
func F() string { return "vendored" }
X
file m/util/util.go <<'X'
package util
func Add(a, b int) int { return a + b }
X
file m/util/util_linux.go <<'X'
package util
const System = "linux"
X
file m/util/util_windows.go <<'X'
package util
const System = "windows"
X
file m/util/util_plan9_amd64.go <<'X'
package util
const System = "plan9"
X
file m/util/util_test.go <<'X'
package util
const System = "test"
X
file m/util/tagged.go <<'X'
//go:build (linux && gc && gol && unix && go1.24 && !cgo) || ignore

package util
const Tagged = true
X
file m/util/untagged.go <<'X'
//go:build !linux || go1.99 || race || cgo

package util
const Tagged = false
X
file m/old.go <<'X'
//go:build go1.21

package main

func oldLoop() int {
	var fs []func() int
	for i := 0; i < 3; i++ {
		fs = append(fs, func() int { return i })
	}
	return fs[0]()
}
X
file m/main.go <<'X'
package main

import (
	. "example.com/m/util"
	"example.com/dep"
	v "example.com/vendored"
	_ "example.com/m/util"
	"fmt"
)

func main() {
	var fs []func() int
	for i := 0; i < 3; i++ {
		fs = append(fs, func() int { return i })
	}
	fmt.Println(Add(1, 2), System, Tagged, v.F(), dep.Loop(), oldLoop(), fs[0]())
}
X
out "3 linux true vendored 103 3 0" "$gol" run m
(cd m && out "3 linux true vendored 103 3 0" "$gol" run . && [ $bad = 0 ]) || bad=1

# internal packages
file m/cmd/peek/main.go <<'X'
package main
import "example.com/dep/internal/secret"
func main() { println(secret.N) }
X
err "m/cmd/peek/main.go:2:8: use of internal package example.com/dep/internal/secret not allowed" "$gol" run m/cmd/peek
file m/a/internal/x/x.go <<'X'
package x
const X = 5
X
file m/a/b/main.go <<'X'
package main
import "example.com/m/a/internal/x"
func main() { println(x.X) }
X
out 5 "$gol" run m/a/b
file m/ab/main.go <<'X'
package main
import "example.com/m/a/internal/x"
func main() { println(x.X) }
X
err "use of internal package example.com/m/a/internal/x not allowed" "$gol" run m/ab

# relative imports, scripts without a module
file s/lib/lib.gol <<'X'
package lib
func F() string { return "lib" }
X
file s/lib/lib.go <<'X'
package lib
func F() string { return "hidden by lib.gol" }
X
file s/run.gol <<'X'
import "./lib"
println(lib.F())
X
out lib "$gol" s/run.gol
(cd s && out lib "$gol" run.gol && [ $bad = 0 ]) || bad=1

# what is missing says where it was looked for
printf 'import "./nolib"\n' >s/bad1.gol
err "package ./nolib is not found: no source files in s/nolib" "$gol" s/bad1.gol
printf 'package main\nimport "example.com/m/nothing"\nfunc main() {}\n' >m/bad2.go
err "package example.com/m/nothing is not in module example.com/m: no source files in " "$gol" m/bad2.go
printf 'package main\nimport "github.com/x/y"\nfunc main() {}\n' >m/bad3.go
err "no module provides package github.com/x/y; looked in m/vendor/github.com/x/y and the replace directives of m/go.mod" "$gol" m/bad3.go
printf 'import "github.com/x/y"\n' >s/bad4.gol
err "looked in s/vendor/github.com/x/y, vendor/github.com/x/y (there is no go.mod)" "$gol" s/bad4.gol
printf 'import "strngs"\n' >s/bad5.gol
err 'package strngs is not in std; did you mean "strings"?' "$gol" s/bad5.gol
rm m/bad2.go m/bad3.go

# //go:embed: refusals
file e/go.mod <<'X'
module e
X
file e/other/go.mod <<'X'
module other
X
echo x >e/other/x.txt
echo x >e/x.txt
ln -s x.txt e/link.txt
mkdir e/empty
embed() { # PATTERNS TYPE TEXT
    printf 'package main\nimport _ "embed"\nimport "embed"\nvar _ embed.FS\n//go:embed %s\nvar x %s\nfunc main() { _ = x }\n' "$1" "$2" >e/main.go
    err "$3" "$gol" check e
}
embed nope.txt string "e/main.go:5:12: pattern nope.txt: no matching files found"
embed 'x.txt no*' embed.FS "e/main.go:5:18: pattern no*: no matching files found"
embed link.txt string "pattern link.txt: cannot embed irregular file link.txt"
embed other embed.FS "pattern other: cannot embed directory other: in different module"
embed other/x.txt string "pattern other/x.txt: cannot embed file other/x.txt: in different module"
embed empty embed.FS "pattern empty: cannot embed directory empty: contains no embeddable files"
embed ../m/go.mod string "pattern ../m/go.mod: invalid pattern syntax"
embed /etc/passwd string "pattern /etc/passwd: invalid pattern syntax"
embed '[' string "pattern [: invalid pattern syntax"
embed '' string "e/main.go:5:3: usage: //go:embed pattern..."
embed '"x' string 'e/main.go:5:3: invalid quoted string in //go:embed: "x'
embed x.txt int "e/main.go:6:5: go:embed cannot apply to var of type int"
embed 'x.txt go.mod' string "go:embed: multiple files for type string"
embed 'x.txt' 'string = "y"' "e/main.go:5:3: go:embed cannot apply to var with initializer"
printf 'package main\n\n//go:embed x.txt\nvar x string\n\nfunc main() {\n\t//go:embed x.txt\n\tvar y string\n\t_ = y\n}\n\n//go:embed x.txt\n' >e/main.go
err 'e/main.go:3:3: go:embed only allowed in Go files that import "embed"' "$gol" check e
err 'e/main.go:7:4: go:embed cannot apply to var inside func' "$gol" check e
err 'e/main.go:12:3: misplaced go:embed directive' "$gol" check e
exit $bad
