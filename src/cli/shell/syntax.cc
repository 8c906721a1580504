#include "cli/shell/syntax.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

namespace spindle::cli {
namespace {

constexpr int kDeepestCommand = 100;

/// The longer ones stand first, since the first that fits is taken.
constexpr std::array<std::string_view, 19> kShellOperators = {
    "<<<", "<<-", "<<", "<&", "<>", "<(", ">>", ">&", ">|", ">(",
    "&&",  "&>",  "||", ";;", "|",  "&",  ";",  "(",  ")"};
constexpr std::string_view kEndsWord = " \t\n;&|<>()";

/// Words that begin a command which contains others, or go on with it.
constexpr std::array<std::string_view, 14> kReserved = {"if",    "then",  "elif", "else", "fi",
                                                        "while", "until", "for",  "do",   "done",
                                                        "case",  "esac",  "{",    "}"};

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// The word that ends a here-document, as it stands there: without its quotes.
std::string without_quotes(std::string_view word) {
  std::string text;
  for (const char c : word)
    if (std::string_view("'\"\\").find(c) == std::string_view::npos) text += c;
  return text;
}

}  // namespace

bool is_name_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, is_name_part);
}

bool is_assignment(std::string_view word) {
  const std::size_t split = word.find('=');
  return split != word.npos && is_variable_name(word.substr(0, split));
}

// Tokens.

Error ShellParser::incomplete(const char* what) {
  is_incomplete_ = true;
  return {EINVAL, what};
}

void ShellParser::skip_blanks() {
  while (at_ < text_.size()) {
    if (text_[at_] == ' ' || text_[at_] == '\t') {
      ++at_;
    } else if (text_.substr(at_).starts_with("\\\n")) {
      at_ += 2;
    } else if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      return;
    }
  }
}

// The length of the operator here, with a descriptor's number before it; 0 if there is none.
std::size_t ShellParser::operator_length() const {
  const std::string_view rest = text_.substr(at_);
  std::size_t digits = 0;
  while (digits < rest.size() && is_digit(rest[digits])) ++digits;
  const std::string_view sign = rest.substr(digits);
  if (digits != 0 && !sign.starts_with('<') && !sign.starts_with('>')) return 0;
  for (const std::string_view known : kShellOperators)
    if (sign.starts_with(known)) return digits + known.size();
  return sign.starts_with('<') || sign.starts_with('>') ? digits + 1 : 0;
}

Result<> ShellParser::advance() {
  last_end_ = token_.end;
  has_token_ = true;
  skip_blanks();
  const std::size_t begin = at_;
  Token::Kind kind = Token::Kind::kEnd;
  if (at_ < text_.size() && text_[at_] == '\n') {
    kind = Token::Kind::kNewline;
    ++at_;
    TRY(take_here_documents());
  } else if (const std::size_t length = operator_length(); length != 0) {
    kind = Token::Kind::kOperator;
    at_ += length;
  } else if (at_ < text_.size()) {
    kind = Token::Kind::kWord;
    TRY(skip_word());
  }
  token_ = {kind, text_.substr(begin, at_ - begin), begin, at_};
  return {};
}

Result<> ShellParser::skip_word() {
  while (at_ < text_.size() && kEndsWord.find(text_[at_]) == kEndsWord.npos) TRY(skip_part());
  return {};
}

Result<> ShellParser::skip_part() {
  const char c = text_[at_];
  if (c == '\'' || c == '"' || c == '`') return skip_quotation(c);
  if (c == '$') return skip_dollar();
  at_ = std::min(at_ + (c == '\\' ? 2 : 1), text_.size());
  return {};
}

Result<> ShellParser::skip_quotation(char quote) {
  for (++at_; at_ < text_.size() && text_[at_] != quote;) {
    if (quote == '"' && (text_[at_] == '$' || text_[at_] == '`'))
      TRY(skip_part());
    else
      at_ = std::min(at_ + (quote != '\'' && text_[at_] == '\\' ? 2 : 1), text_.size());
  }
  if (at_ >= text_.size()) return incomplete("a quotation has no end");
  ++at_;
  return {};
}

// Skips ${...}, $((...)), $(...) or a dollar that stands alone.
Result<> ShellParser::skip_dollar() {
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("$(") && !rest.starts_with("$((")) {
    ShellParser inner(rest);
    inner.depth_ = depth_;
    const auto length = inner.skip_substitution();
    is_incomplete_ = inner.is_incomplete_;
    at_ += TRY(length);
    return {};
  }
  const bool is_sum = rest.starts_with("$((");
  if (!is_sum && !rest.starts_with("${")) {
    ++at_;
    return {};
  }
  int open = 0;
  for (at_ += 1; at_ < text_.size();) {
    const char c = text_[at_];
    if (c == (is_sum ? '(' : '{')) ++open;
    if (c == (is_sum ? ')' : '}')) --open;
    if (open == 0) {
      ++at_;
      return {};
    }
    if (is_sum)
      ++at_;
    else
      TRY(skip_part());
  }
  return incomplete(is_sum ? "$(( has no end" : "${ has no end");
}

std::size_t ShellParser::line() const {
  const std::size_t end = std::min(std::max(token_.begin, last_end_), text_.size());
  return 1 + static_cast<std::size_t>(std::ranges::count(text_.substr(0, end), '\n'));
}

Result<std::size_t> ShellParser::skip_substitution() {
  at_ = 2;
  TRY(advance());
  TRY(parse_list());
  if (token_.kind == Token::Kind::kEnd) return incomplete("$( has no end");
  if (!is_operator(")")) return Error{EINVAL, "$( does not end with )"};
  return token_.end;
}

Result<std::size_t> ShellParser::substitution_length(std::string_view text) {
  return ShellParser(text).skip_substitution();
}

Result<> ShellParser::take_here_documents() {
  const std::vector<Here> pending = std::exchange(pending_, {});
  for (const Here& here : pending) TRY(take_here_document(here));
  return {};
}

Result<> ShellParser::take_here_document(const Here& here) {
  while (at_ < text_.size()) {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    if (here.strips_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
    if (line == here.end) return {};
    here.document->append(line).append("\n");
  }
  return incomplete("a here-document has no end");
}

// Lists.

bool ShellParser::is_operator(std::string_view text) const {
  return token_.kind == Token::Kind::kOperator && token_.text == text;
}

bool ShellParser::is_reserved(std::string_view text) const {
  return token_.kind == Token::Kind::kWord && token_.text == text;
}

// Whether something follows that ends the list, since the list is a part of a larger command.
bool ShellParser::ends_list() const {
  if (token_.kind == Token::Kind::kEnd || is_operator(")") || is_operator(";;")) return true;
  constexpr std::array<std::string_view, 8> kEnds = {"then", "elif", "else", "fi",
                                                     "do",   "done", "esac", "}"};
  return std::ranges::any_of(kEnds, [&](std::string_view word) { return is_reserved(word); });
}

Result<> ShellParser::want(std::string_view word, const char* missing) {
  if (token_.kind == Token::Kind::kEnd) return incomplete(missing);
  if (!is_reserved(word) && !is_operator(word)) return Error{EINVAL, missing};
  return advance();
}

Result<> ShellParser::skip_newlines() {
  while (token_.kind == Token::Kind::kNewline) TRY(advance());
  return {};
}

std::shared_ptr<ShellCommand> ShellParser::made(Kind kind, std::vector<ShellCommandPtr> parts,
                                                std::size_t begin) const {
  auto command = std::make_shared<ShellCommand>();
  command->kind = kind;
  command->parts = std::move(parts);
  command->text = text_.substr(begin, std::max(begin, last_end_) - begin);
  return command;
}

Result<ShellCommandPtr> ShellParser::next() {
  is_incomplete_ = false;
  if (!has_token_) TRY(advance());
  TRY(skip_newlines());
  if (token_.kind == Token::Kind::kEnd) return ShellCommandPtr();
  auto list = TRY(parse_list(Ends::kAtNewline));
  if (token_.kind != Token::Kind::kEnd && token_.kind != Token::Kind::kNewline)
    return Error{EINVAL, "unexpected word or operator after a command"};
  if (!pending_.empty()) return incomplete("a here-document has no end");
  return list;
}

ShellParser::Made ShellParser::parse_list(Ends ends) {
  if (ends == Ends::kAtWord) TRY(skip_newlines());
  const std::size_t begin = token_.begin;
  std::vector<ShellCommandPtr> parts;
  while (!ends_list()) {
    const std::size_t part_begin = token_.begin;
    auto part = TRY(parse_and_or());
    if (is_operator("&")) part = made(Kind::kBackground, {part}, part_begin);
    parts.push_back(std::move(part));
    const bool is_end = is_operator("&") || is_operator(";");
    if (is_end) TRY(advance());
    if (token_.kind == Token::Kind::kNewline) {
      if (ends == Ends::kAtNewline) break;
      TRY(skip_newlines());
    } else if (!is_end) {
      break;
    }
  }
  if (parts.empty()) {
    if (token_.kind == Token::Kind::kEnd) return incomplete("a command is missing at the end");
    return Error{EINVAL, "a command is missing"};
  }
  return ShellCommandPtr(made(Kind::kSequence, std::move(parts), begin));
}

ShellParser::Made ShellParser::parse_and_or() {
  const std::size_t begin = token_.begin;
  auto left = TRY(parse_pipeline());
  while (is_operator("&&") || is_operator("||")) {
    const Kind kind = is_operator("&&") ? Kind::kAnd : Kind::kOr;
    TRY(advance());
    TRY(skip_newlines());
    auto right = TRY(parse_pipeline());
    left = made(kind, {std::move(left), std::move(right)}, begin);
  }
  return left;
}

ShellParser::Made ShellParser::parse_pipeline() {
  const std::size_t begin = token_.begin;
  const bool is_negated = is_reserved("!");
  if (is_negated) TRY(advance());
  std::vector<ShellCommandPtr> parts{TRY(parse_command())};
  while (is_operator("|")) {
    TRY(advance());
    TRY(skip_newlines());
    parts.push_back(TRY(parse_command()));
  }
  ShellCommandPtr command = parts.front();
  if (parts.size() > 1) command = made(Kind::kPipeline, std::move(parts), begin);
  if (is_negated) command = made(Kind::kNot, {std::move(command)}, begin);
  return command;
}

// Refuses what other shells have, and a person might expect here.
Result<> ShellParser::refuse_unknown() const {
  if (is_reserved("[[")) return Error{EINVAL, "[[ ... ]] is not known here; write [ ... ]"};
  if (is_reserved("function"))
    return Error{EINVAL, "the word function is not known here; write NAME() { ...; }"};
  if (is_reserved("select")) return Error{EINVAL, "select is not known here; write a while loop"};
  if (is_reserved("time")) return Error{EINVAL, "time is not known here; see machine/records"};
  if (is_operator("&>")) return Error{EINVAL, "&> is not known here; write >FILE 2>&1"};
  if (token_.kind != Token::Kind::kOperator) return {};
  if (token_.text.ends_with("<<<"))
    return Error{EINVAL, "<<< is not known here; write a here-document (<<END)"};
  if (token_.text.ends_with("<(")) return Error{EINVAL, "<(...) is not known here; write a pipe"};
  if (token_.text.ends_with(">(")) return Error{EINVAL, ">(...) is not known here; write a pipe"};
  if (token_.text.ends_with("<>"))
    return Error{EINVAL, "<> is not known here; open the file for one of both"};
  return {};
}

// Puts in what the word stands for, and goes on reading there; no alias is put in twice.
Result<> ShellParser::expand_alias() {
  std::set<std::string> seen;
  while (aliases_ != nullptr && token_.kind == Token::Kind::kWord) {
    const auto alias = aliases_->find(token_.text);
    if (alias == aliases_->end() || !seen.insert(alias->first).second) break;
    std::string text(text_.substr(0, token_.begin));
    text.append(alias->second).append(text_.substr(token_.end));
    at_ = token_.begin;
    expanded_ = std::move(text);
    text_ = expanded_;
    const std::size_t last_end = last_end_;
    TRY(advance());
    last_end_ = last_end;
  }
  return {};
}

ShellParser::Made ShellParser::parse_command() {
  TRY(expand_alias());
  TRY(refuse_unknown());
  if (++depth_ > kDeepestCommand) return Error{EINVAL, "commands are nested too deeply"};
  const std::size_t begin = token_.begin;
  const bool is_compound =
      is_operator("(") ||
      std::ranges::any_of(kReserved, [&](std::string_view word) { return is_reserved(word); });
  auto command = is_compound ? parse_compound(begin) : parse_simple(begin);
  --depth_;
  return command;
}

// Compound commands.

ShellParser::Made ShellParser::parse_compound(std::size_t begin) {
  Made parsed = Error{EINVAL, "unexpected word: it belongs inside a command that has not begun"};
  if (is_reserved("if")) parsed = parse_if(begin);
  if (is_reserved("while") || is_reserved("until")) parsed = parse_loop(begin);
  if (is_reserved("for")) parsed = parse_for(begin);
  if (is_reserved("case")) parsed = parse_case(begin);
  if (is_reserved("{") || is_operator("(")) parsed = parse_group(begin);
  const ShellCommandPtr command = TRY(std::move(parsed));
  auto redirected = std::make_shared<ShellCommand>(*command);
  while (is_redirection()) TRY(parse_redirection(*redirected));
  redirected->text = text_.substr(begin, last_end_ - begin);
  return ShellCommandPtr(redirected);
}

ShellParser::Made ShellParser::parse_if(std::size_t begin) {
  std::vector<ShellCommandPtr> parts;
  do {
    TRY(advance());
    parts.push_back(TRY(parse_list()));
    TRY(want("then", "if lacks its then"));
    parts.push_back(TRY(parse_list()));
  } while (is_reserved("elif"));
  if (is_reserved("else")) {
    TRY(advance());
    parts.push_back(TRY(parse_list()));
  }
  TRY(want("fi", "if lacks its fi"));
  return ShellCommandPtr(made(Kind::kIf, std::move(parts), begin));
}

ShellParser::Made ShellParser::parse_loop(std::size_t begin) {
  const Kind kind = is_reserved("while") ? Kind::kWhile : Kind::kUntil;
  TRY(advance());
  auto condition = TRY(parse_list());
  TRY(want("do", "a loop lacks its do"));
  auto body = TRY(parse_list());
  TRY(want("done", "a loop lacks its done"));
  return ShellCommandPtr(made(kind, {std::move(condition), std::move(body)}, begin));
}

ShellParser::Made ShellParser::parse_for(std::size_t begin) {
  TRY(advance());
  if (token_.kind == Token::Kind::kEnd) return incomplete("for lacks a name");
  if (token_.kind != Token::Kind::kWord || !is_variable_name(token_.text))
    return Error{EINVAL, "for lacks the name of a variable"};
  std::vector<std::string> words{std::string(token_.text)};
  TRY(advance());
  TRY(skip_newlines());
  const bool has_words = is_reserved("in");
  if (has_words)
    for (TRY(advance()); token_.kind == Token::Kind::kWord; TRY(advance()))
      words.emplace_back(token_.text);
  if (is_operator(";")) TRY(advance());
  TRY(skip_newlines());
  TRY(want("do", "for lacks its do"));
  auto body = TRY(parse_list());
  TRY(want("done", "for lacks its done"));
  auto command = made(Kind::kFor, {std::move(body)}, begin);
  command->words = std::move(words);
  command->goes_through_arguments = !has_words;
  return ShellCommandPtr(command);
}

ShellParser::Made ShellParser::parse_case(std::size_t begin) {
  TRY(advance());
  if (token_.kind == Token::Kind::kEnd) return incomplete("case lacks a word");
  if (token_.kind != Token::Kind::kWord) return Error{EINVAL, "case lacks a word"};
  std::vector<std::string> words{std::string(token_.text)};
  TRY(advance());
  TRY(skip_newlines());
  TRY(want("in", "case lacks its in"));
  TRY(skip_newlines());
  std::vector<ShellCommand::Arm> arms;
  while (!is_reserved("esac")) {
    if (token_.kind == Token::Kind::kEnd) return incomplete("case lacks its esac");
    arms.push_back(TRY(parse_arm()));
  }
  TRY(advance());
  auto command = made(Kind::kCase, {}, begin);
  command->words = std::move(words);
  command->arms = std::move(arms);
  return ShellCommandPtr(command);
}

// [(] PATTERN | PATTERN ) COMMANDS ;;
Result<ShellCommand::Arm> ShellParser::parse_arm() {
  ShellCommand::Arm arm;
  if (is_operator("(")) TRY(advance());
  while (true) {
    if (token_.kind != Token::Kind::kWord) return Error{EINVAL, "case lacks a pattern"};
    arm.patterns.emplace_back(token_.text);
    TRY(advance());
    if (!is_operator("|")) break;
    TRY(advance());
  }
  TRY(want(")", "a pattern of case lacks its )"));
  TRY(skip_newlines());
  if (!is_operator(";;") && !is_reserved("esac")) arm.body = TRY(parse_list());
  if (!is_reserved("esac")) {
    TRY(want(";;", "case lacks its ;; or esac"));
    TRY(skip_newlines());
  }
  return arm;
}

ShellParser::Made ShellParser::parse_group(std::size_t begin) {
  const bool is_subshell = is_operator("(");
  TRY(advance());
  if (is_subshell && is_operator("("))
    return Error{EINVAL, "(( ... )) is not known here; write [ ... ] or $(( ... ))"};
  auto body = TRY(parse_list());
  TRY(is_subshell ? want(")", "( lacks its )") : want("}", "{ lacks its } after a ;"));
  return ShellCommandPtr(
      made(is_subshell ? Kind::kSubshell : Kind::kGroup, {std::move(body)}, begin));
}

// Simple commands.

bool ShellParser::is_redirection() const {
  return token_.kind == Token::Kind::kOperator &&
         token_.text.find_first_of("<>") != token_.text.npos;
}

Result<> ShellParser::parse_redirection(ShellCommand& command) {
  TRY(refuse_unknown());
  const std::size_t digits = token_.text.find_first_of("<>");
  const std::string_view sign = token_.text.substr(digits);
  Redirection redirection;
  redirection.descriptor = sign.starts_with('<') ? 0 : 1;
  if (digits > 1) return Error{EINVAL, "only the descriptors 0 to 9 can be redirected here"};
  if (digits == 1) redirection.descriptor = token_.text[0] - '0';
  using Is = Redirection::Kind;
  redirection.kind = sign.starts_with("<<") ? Is::kHere
                     : sign.ends_with('&')  ? Is::kDuplicate
                     : sign == ">>"         ? Is::kAppend
                     : sign == "<"          ? Is::kRead
                                            : Is::kWrite;
  const bool strips_tabs = sign == "<<-";
  TRY(advance());
  if (token_.kind != Token::Kind::kWord) return Error{EINVAL, "a word is missing behind < or >"};
  redirection.word = token_.text;
  if (redirection.kind == Is::kHere) {
    redirection.document = std::make_shared<std::string>();
    redirection.is_literal = token_.text.find_first_of("'\"\\") != token_.text.npos;
    pending_.push_back({redirection.document, without_quotes(token_.text), strips_tabs});
  }
  command.redirections.push_back(std::move(redirection));
  return advance();
}

ShellParser::Made ShellParser::parse_simple(std::size_t begin) {
  auto command = std::make_shared<ShellCommand>();
  while (token_.kind == Token::Kind::kWord || is_redirection()) {
    if (is_redirection()) {
      TRY(parse_redirection(*command));
      continue;
    }
    std::string word(token_.text);
    TRY(advance());
    if (is_operator("(") && command->words.empty() && command->assignments.empty())
      return parse_function(std::move(word), begin);
    auto& list =
        command->words.empty() && is_assignment(word) ? command->assignments : command->words;
    list.push_back(std::move(word));
  }
  if (command->words.empty() && command->assignments.empty() && command->redirections.empty()) {
    if (token_.kind == Token::Kind::kEnd) return incomplete("a command is missing at the end");
    return Error{EINVAL, "a command is missing before an operator"};
  }
  if (is_operator("&>") || is_operator("(")) {
    TRY(refuse_unknown());
    return Error{EINVAL, "unexpected (: no command can begin here"};
  }
  command->text = text_.substr(begin, last_end_ - begin);
  return ShellCommandPtr(command);
}

ShellParser::Made ShellParser::parse_function(std::string name, std::size_t begin) {
  if (!is_variable_name(name)) return Error{EINVAL, "a function cannot have that name"};
  TRY(advance());
  TRY(want(")", "a function lacks its )"));
  TRY(skip_newlines());
  if (token_.kind == Token::Kind::kEnd) return incomplete("a function lacks its body");
  auto body = TRY(parse_command());
  auto command = made(Kind::kFunction, {std::move(body)}, begin);
  command->words = {std::move(name)};
  return ShellCommandPtr(command);
}

}  // namespace spindle::cli
