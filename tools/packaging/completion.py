"""Writes what shells complete the command lines with (generate.py).

The commands and options are those of the programs' own help (help_pages.py).  DIRECTORY gets PROGRAM.bash, _PROGRAM for zsh
and PROGRAM.fish.  All three do the same: the words that were typed, without options and their values, lead to what may follow.
"""

import os

import help_pages

FILES = ("FILE", "PATH", "DIRECTORY", "DIR")

BASH = """# Completion of {program} for bash, generated from its help.
_{function}_at() {{
  case "$1" in
{cases}
  esac
}}
_{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} place= word at next= options= values={values} files={files}
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${{COMP_WORDS[at]}}
    case "$word" in
      -*) case " $values " in *" $word "*) at=$((at + 1)) ;; esac ;;
      *) _{function}_at "$place"; case " $next " in *" $word "*) place="${{place:+$place }}$word" ;; esac ;;
    esac
  done
  word=${{COMP_WORDS[COMP_CWORD - 1]}}
  case " $files " in *" $word "*) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;; esac
  case " $values " in *" $word "*) return ;; esac
  next= options=
  _{function}_at "$place"
  case "$current" in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$next" -- "$current") ;;
  esac
}}
complete -o filenames -F _{function} {program}
"""

ZSH = """#compdef {program}
# Completion of {program} for zsh, generated from its help.
_{function}_at() {{
  next=() options=()
  case "$1" in
{cases}
  esac
}}
_{function}() {{
  local place= word at
  local -a next options values files
  values=({values}) files=({files})
  for ((at = 2; at < CURRENT; at++)); do
    word=${{words[at]}}
    if [[ $word == -* ]]; then
      (( ${{values[(Ie)$word]}} )) && at=$((at + 1))
    else
      _{function}_at "$place"
      (( ${{next[(Ie)$word]}} )) && place="${{place:+$place }}$word"
    fi
  done
  word=${{words[CURRENT - 1]}}
  if (( ${{files[(Ie)$word]}} )); then _files; return; fi
  if (( ${{values[(Ie)$word]}} )); then return 1; fi
  _{function}_at "$place"
  if [[ ${{words[CURRENT]}} == -* ]]; then compadd -- $options; else compadd -- $next; fi
}}
_{function} "$@"
"""

FISH = """# Completion of {program} for fish, generated from its help.
function __{function}_at
    switch "$argv[1]"
{cases}
    end
end
function __{function}_place
    set -l place ''
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if string match -q -- '-*' $word
            contains -- $word {values}; and set skip yes
        else if contains -- $word (__{function}_at $place)
            set place (string trim -- "$place $word")
        end
    end
    echo $place
end
complete -c {program} -f
complete -c {program} -a '(__{function}_at (__{function}_place))'
{options}
"""


def table(program):
    """What may follow: place -> (words, options).  A place is "queue list"."""
    commands = help_pages.commands(program)
    everywhere = help_pages.options_of(program)
    if not program.endswith("sluicectl"):
        everywhere = {name: value for name, value in everywhere.items() if name in ("--help", "--version")}
    places = {"": ([], dict(everywhere))}
    for words in sorted(commands):
        for length in range(1, len(words) + 1):
            here, before = " ".join(words[:length]), " ".join(words[: length - 1])
            places.setdefault(here, ([], dict(everywhere)))
            if words[length - 1] not in places[before][0]:
                places[before][0].append(words[length - 1])
        places[" ".join(words)][1].update(commands[words].options)
    for place, (_, options) in places.items():
        if place:
            options.pop("--version", None)
    return places


def values_of(places, wanted=lambda value: True):
    return sorted({name for _, options in places.values() for name, value in options.items() if value and wanted(value)})


def bash(program, places):
    cases = [
        f'    "{place}") next="{" ".join(words)}" options="{" ".join(sorted(options))}" ;;'
        for place, (words, options) in sorted(places.items())
    ]
    return BASH.format(program=program, function=program, cases="\n".join(cases),
                       values=f'"{" ".join(values_of(places))}"',
                       files=f'"{" ".join(values_of(places, lambda value: value in FILES))}"')  # fmt: skip


def zsh(program, places):
    cases = [
        f'    "{place}") next=({" ".join(words)}) options=({" ".join(sorted(options))}) ;;'
        for place, (words, options) in sorted(places.items())
    ]
    return ZSH.format(program=program, function=program, cases="\n".join(cases), values=" ".join(values_of(places)),
                      files=" ".join(values_of(places, lambda value: value in FILES)))  # fmt: skip


def fish(program, places):
    cases, options = [], []
    for place, (words, _) in sorted(places.items()):
        if words:
            cases += [f"        case '{place}'", "            printf '%s\\n' " + " ".join(words)]
    found = {}
    for place, (_, of_place) in places.items():
        for name, value in of_place.items():
            found.setdefault((name, value), []).append(place)
    for (name, value), at in sorted(found.items()):
        how = "" if not value else " -r -F" if value in FILES else " -x"
        where = " ".join(f"'{place}'" for place in sorted(at))
        options.append(f'complete -c {program} -n "contains -- (__{program}_place | string collect --allow-empty) {where}" -l {name[2:]}{how}')
    return FISH.format(program=program, function=program, cases="\n".join(cases), values=" ".join(values_of(places)),
                       options="\n".join(options))  # fmt: skip


def main(sluice, sluicectl, directory):
    for program in (sluice, sluicectl):
        name, places = os.path.basename(program), table(program)
        for file, text in ((f"{name}.bash", bash(name, places)), (f"_{name}", zsh(name, places)), (f"{name}.fish", fish(name, places))):
            with open(os.path.join(directory, file), "w", encoding="utf-8") as out:
                out.write(text)

