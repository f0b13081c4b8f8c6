//! What a package installs beside the program: the shell that it is for reads it.

use std::{path::Path, process::Command};

fn lightleak(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every command that `--help` tells.
fn commands() -> Vec<String> {
    let help = lightleak(&["--help"]);
    let from = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = from.map_while(|line| line.split_whitespace().next().map(str::to_owned));
    let names: Vec<_> = names.filter(|name| name != "help").collect();
    assert!(names.contains(&"inspect".to_owned()), "{help}");
    names
}

#[test]
fn bash_completes_what_it_is_asked() {
    let script = lightleak(&["completions", "bash"]);
    let ask = r#"
        COMP_WORDS=(lightleak "")
        COMP_CWORD=1
        _lightleak lightleak "" lightleak
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let asked = Command::new("bash")
        .args(["--norc", "-c", &format!("{script}\n{ask}")])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{asked:?}");
    let told = String::from_utf8(asked.stdout).unwrap();
    for command in commands() {
        assert!(
            told.lines().any(|line| line == command),
            "{command}: {told}"
        );
    }
}

#[test]
fn every_shell_has_a_script() {
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(
            lightleak(&["completions", shell]).contains("inspect"),
            "{shell}"
        );
    }
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    lightleak(&["man", folder.path().to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("lightleak.1").contains("Exit codes"));
    for command in commands() {
        let page = page(&format!("lightleak-{command}.1"));
        assert!(
            page.starts_with(".ie") && page.contains(".SH SYNOPSIS"),
            "{command}"
        );
    }
    assert!(!Path::new(&folder.path().join("lightleak-help.1")).exists());
}
