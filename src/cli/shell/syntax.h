// ShellParser: the text of a script, command by command, as the shell of POSIX reads it.
//
//   ShellParser parser("for i in 1 2; do hog $i & done; wait");
//   while (const auto command = TRY(parser.next())) run(*command);
//
// Words stay as they were written, with their quotes and dollars, until their command runs
// (expansion.h). What this shell lacks of POSIX is refused by name. If the text ends in the middle
// of a command, that is an error, and `is_incomplete` says that more text would help. The text of a
// here-document becomes a part of its redirection. Not locked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/result.h"

namespace spindle::cli {

/// A redirection by one of < > >> 2> >&2 << and their like.
struct Redirection {
  static constexpr int kMostDescriptor = 9;
  enum class Kind : std::uint8_t { kRead, kWrite, kAppend, kDuplicate, kHere };
  Kind kind = Kind::kRead;
  int descriptor = 0;
  std::string word;                       ///< a path, or a descriptor, or - to close it
  std::shared_ptr<std::string> document;  ///< the text of a kHere
  bool is_literal = false;                ///< kHere: its end was quoted, so dollars are dollars
};

struct ShellCommand {
  enum class Kind : std::uint8_t {
    kSimple,      ///< assignments, words
    kPipeline,    ///< parts: two or more
    kNot,         ///< parts: one
    kAnd,         ///< parts: two
    kOr,          ///< parts: two
    kSequence,    ///< parts: any number
    kBackground,  ///< parts: one
    kIf,          ///< parts: condition, body, condition, body, ..., else if their number is odd
    kWhile,       ///< parts: condition, body
    kUntil,       ///< parts: condition, body
    kFor,         ///< words: the name and what it goes through; parts: body
    kCase,        ///< words: the one that is looked at; arms
    kGroup,       ///< parts: one
    kSubshell,    ///< parts: one
    kFunction,    ///< words: its name; parts: body
  };
  struct Arm {
    std::vector<std::string> patterns;
    std::shared_ptr<const ShellCommand> body;
  };

  Kind kind = Kind::kSimple;
  std::string text;  ///< as it was written
  std::vector<std::string> assignments;
  std::vector<std::string> words;
  bool goes_through_arguments = false;  ///< it is a kFor without "in"
  std::vector<std::shared_ptr<const ShellCommand>> parts;
  std::vector<Arm> arms;
  std::vector<Redirection> redirections;
};
using ShellCommandPtr = std::shared_ptr<const ShellCommand>;

/// Texts that names stand for where they are the first word of a command.
using ShellAliases = std::map<std::string, std::string, std::less<>>;

class ShellParser {
 public:
  /// The text must outlive the parser, and so must the aliases.
  explicit ShellParser(std::string_view text, const ShellAliases* aliases = nullptr)
      : text_(text), aliases_(aliases) {}

  /// The commands up to the next end of a line; null at the end of the text.
  Result<ShellCommandPtr> next();
  /// Whether the last error came from the end of the text.
  [[nodiscard]] bool is_incomplete() const { return is_incomplete_; }

  /// In which line of the text the parser stands, from 1 on.
  [[nodiscard]] std::size_t line() const;

  /// The length of $(...) at the start of the text, with both parentheses.
  static Result<std::size_t> substitution_length(std::string_view text);

 private:
  struct Token {
    enum class Kind : std::uint8_t { kWord, kOperator, kNewline, kEnd };
    Kind kind = Kind::kEnd;
    std::string_view text;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  struct Here {
    std::shared_ptr<std::string> document;
    std::string end;
    bool strips_tabs = false;
  };
  using Kind = ShellCommand::Kind;
  using Made = Result<ShellCommandPtr>;

  Error incomplete(const char* what);
  Result<> advance();
  void skip_blanks();
  [[nodiscard]] std::size_t operator_length() const;
  Result<> skip_word();
  Result<> skip_part();
  Result<> skip_dollar();
  Result<> skip_quotation(char quote);
  Result<std::size_t> skip_substitution();
  Result<> take_here_documents();
  Result<> take_here_document(const Here& here);

  [[nodiscard]] bool is_operator(std::string_view text) const;
  [[nodiscard]] bool is_reserved(std::string_view text) const;
  [[nodiscard]] bool ends_list() const;
  Result<> want(std::string_view word, const char* missing);
  Result<> skip_newlines();
  std::shared_ptr<ShellCommand> made(Kind kind, std::vector<ShellCommandPtr> parts,
                                     std::size_t begin) const;
  Result<> expand_alias();
  /// Where a list of commands ends: with its line, or before a word such as `fi` or `)`.
  enum class Ends : bool { kAtWord, kAtNewline };
  Made parse_list(Ends ends = Ends::kAtWord);
  Made parse_and_or();
  Made parse_pipeline();
  Made parse_command();
  Made parse_compound(std::size_t begin);
  Made parse_if(std::size_t begin);
  Made parse_loop(std::size_t begin);
  Made parse_for(std::size_t begin);
  Made parse_case(std::size_t begin);
  Result<ShellCommand::Arm> parse_arm();
  Made parse_group(std::size_t begin);
  Made parse_simple(std::size_t begin);
  Made parse_function(std::string name, std::size_t begin);
  Result<> refuse_unknown() const;
  [[nodiscard]] bool is_redirection() const;
  Result<> parse_redirection(ShellCommand& command);

  std::string_view text_;
  std::string expanded_;  ///< the text, once an alias has been put in
  const ShellAliases* aliases_ = nullptr;
  std::size_t at_ = 0;
  Token token_;
  std::size_t last_end_ = 0;   ///< where the token before this one ends
  std::vector<Here> pending_;  ///< here-documents that begin behind this line
  int depth_ = 0;
  bool has_token_ = false;
  bool is_incomplete_ = false;
};

/// Whether the word is NAME=..., with a name that a variable can have.
bool is_assignment(std::string_view word);
bool is_variable_name(std::string_view text);
/// Whether it is a letter, a digit, or an underscore.
bool is_name_part(char c);

}  // namespace spindle::cli
