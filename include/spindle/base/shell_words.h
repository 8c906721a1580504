// ShellWords: a command line, word by word, as shells read it.
//
//   ShellWords words("cat 'my file' >out; ls");
//   while (const auto word = TRY(words.next())) ...     // cat, my file, > (an operator), out, ;
//   ...
//
// Blanks part words; '...' keeps everything, "..." all but \, and \ the next character; in $'...'
// \n is the end of a line. # at the start of a word makes the rest a comment. Operators are ; & &&
// || | < > >> and, for descriptors, 2> 2>> 1>&2 2>&1. Nothing is expanded: a shell that has
// variables and the like has replaced them before. Not locked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

struct ShellWord {
  std::string text;
  bool is_operator = false;
  bool is_assignment = false;  ///< NAME=..., with NAME= not quoted
};

class ShellWords {
 public:
  /// The line must live as long.
  explicit ShellWords(std::string_view line) : rest_(line) {}

  /// The next word or operator; nothing at the end. EINVAL for a quotation without an end.
  Result<std::optional<ShellWord>> next();

 private:
  void skip_blanks();
  std::string take_operator();
  Result<> take_part(std::string& word);
  Result<> take_quotation(char quote, std::string& word);

  std::string_view rest_;
};

/// The word as one that `ShellWords` reads back as it is.
std::string quoted_shell_word(std::string_view word);

}  // namespace spindle
