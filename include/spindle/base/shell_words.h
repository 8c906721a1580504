// ShellWords: a command line, word by word, as shells read it.
//
//   ShellWords words("cat 'my file' >out; ls");
//   while (const auto word = TRY(words.next())) ...     // cat, my file, > (an operator), out, ;
//   ...
//
// Blanks part words; '...' keeps everything, "..." all but $ and \, and \ the next character. # at
// the start of a word makes the rest a comment. Operators are ; & && || | < > >> 2> 2>>. Variables
// ($NAME, ${NAME}, $?, $!, $#, $1) are looked up when their word is reached, so that a caller who
// acts between two words sees what that changed; without a lookup $ is a character as any other.
// What a variable holds is one word, or a part of one. Not locked.
#pragma once

#include <functional>
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
  using Lookup = std::function<std::string(std::string_view name)>;

  /// The line must live as long.
  explicit ShellWords(std::string_view line, Lookup lookup = {})
      : rest_(line), lookup_(std::move(lookup)) {}

  /// The next word or operator; nothing at the end. EINVAL for a quotation without an end.
  Result<std::optional<ShellWord>> next();

 private:
  void skip_blanks();
  std::string take_operator();
  Result<> take_part(std::string& word);
  Result<> take_quotation(char quote, std::string& word);
  void take_variable(std::string& word);

  std::string_view rest_;
  Lookup lookup_;
};

/// The word as one that `ShellWords` reads back as it is.
std::string quoted_shell_word(std::string_view word);

}  // namespace spindle
