#include "cli/shell/arithmetic.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/shell/syntax.h"
#include "spindle/base/number_text.h"

namespace spindle::cli {
namespace {

constexpr int kDeepestExpression = 100;

struct Operator {
  std::string_view sign;
  int strength;  // the higher, the closer it holds its sides together
};

/// The longer ones stand first, since the first that fits is taken.
constexpr std::array<Operator, 18> kArithmeticOperators = {{{"||", 1},
                                                            {"&&", 2},
                                                            {"==", 6},
                                                            {"!=", 6},
                                                            {"<<", 8},
                                                            {">>", 8},
                                                            {"<=", 7},
                                                            {">=", 7},
                                                            {"<", 7},
                                                            {">", 7},
                                                            {"|", 3},
                                                            {"^", 4},
                                                            {"&", 5},
                                                            {"+", 9},
                                                            {"-", 9},
                                                            {"*", 10},
                                                            {"/", 10},
                                                            {"%", 10}}};
constexpr std::array<std::string_view, 11> kAssignments = {
    "<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="};

/// Overflow wraps around: signed numbers would be undefined behaviour.
std::int64_t wrapped(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Result<std::int64_t> divide(std::int64_t left, std::string_view sign, std::int64_t right) {
  if (right == 0) return Error{EDOM, "something is divided by zero"};
  if (right == -1) return sign == "/" ? wrapped(0 - static_cast<std::uint64_t>(left)) : 0;
  return sign == "/" ? left / right : left % right;
}

Result<std::int64_t> apply(std::int64_t left, std::string_view sign, std::int64_t right) {
  const auto a = static_cast<std::uint64_t>(left);
  const auto b = static_cast<std::uint64_t>(right);
  if (sign == "+") return wrapped(a + b);
  if (sign == "-") return wrapped(a - b);
  if (sign == "*") return wrapped(a * b);
  if (sign == "<<") return wrapped(a << (b & 63));
  if (sign == ">>") return left >> (b & 63);
  if (sign == "==") return left == right ? 1 : 0;
  if (sign == "!=") return left != right ? 1 : 0;
  if (sign == "<=") return left <= right ? 1 : 0;
  if (sign == ">=") return left >= right ? 1 : 0;
  if (sign == "<") return left < right ? 1 : 0;
  if (sign == ">") return left > right ? 1 : 0;
  if (sign == "|") return left | right;
  if (sign == "^") return left ^ right;
  if (sign == "&") return left & right;
  if (sign == "||") return left != 0 || right != 0 ? 1 : 0;
  if (sign == "&&") return left != 0 && right != 0 ? 1 : 0;
  return divide(left, sign, right);
}

class ArithmeticEvaluator {
 public:
  ArithmeticEvaluator(std::string_view text, const ArithmeticVariables& variables)
      : rest_(text), variables_(variables) {}

  Result<std::int64_t> whole() {
    skip_blanks();
    if (rest_.empty()) return 0;
    const std::int64_t value = TRY(choice());
    if (!rest_.empty()) return Error{EINVAL, "an arithmetic expression goes on with no operator"};
    return value;
  }

 private:
  using Number = Result<std::int64_t>;

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }

  bool take(std::string_view sign) {
    if (!rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    skip_blanks();
    return true;
  }

  /// CONDITION ? VALUE : VALUE. The value that is not chosen changes no variable.
  Number choice() {
    if (++depth_ > kDeepestExpression)
      return Error{EINVAL, "an arithmetic expression is nested too deeply"};
    std::int64_t value = TRY(binary(1));
    if (take("?")) {
      const bool is_true = value != 0;
      const std::int64_t yes = TRY(unless(!is_true, [this] { return choice(); }));
      if (!take(":")) return Error{EINVAL, "a ? lacks its :"};
      const std::int64_t no = TRY(unless(is_true, [this] { return choice(); }));
      value = is_true ? yes : no;
    }
    --depth_;
    return value;
  }

  template <class Part>
  Number unless(bool is_idle, Part part) {
    idle_ += is_idle ? 1 : 0;
    const Number value = part();
    idle_ -= is_idle ? 1 : 0;
    return value;
  }

  [[nodiscard]] const Operator* operator_here() const {
    const auto found = std::ranges::find_if(
        kArithmeticOperators, [&](const Operator& one) { return rest_.starts_with(one.sign); });
    return found == kArithmeticOperators.end() ? nullptr : &*found;
  }

  /// Operands with the operators between them whose strength is at least this.
  Number binary(int strength) {
    std::int64_t left = TRY(single());
    for (const Operator* next = operator_here(); next != nullptr && next->strength >= strength;
         next = operator_here()) {
      take(next->sign);
      const bool is_decided =
          (next->sign == "||" && left != 0) || (next->sign == "&&" && left == 0);
      const std::int64_t right =
          TRY(unless(is_decided, [&] { return binary(next->strength + 1); }));
      left = idle_ != 0 && right == 0 ? left : TRY(apply(left, next->sign, right));
    }
    return left;
  }

  Number single() {
    if (++depth_ > kDeepestExpression)
      return Error{EINVAL, "an arithmetic expression is nested too deeply"};
    const Number value = single_here();
    --depth_;
    return value;
  }

  Number single_here() {
    if (take("-")) return wrapped(0 - static_cast<std::uint64_t>(TRY(single())));
    if (take("+")) return single();
    if (take("~")) return ~TRY(single());
    if (take("!")) return TRY(single()) == 0 ? 1 : 0;
    if (take("(")) {
      const std::int64_t value = TRY(choice());
      if (!take(")")) return Error{EINVAL, "a ( lacks its ) in an arithmetic expression"};
      return value;
    }
    std::size_t length = 0;
    while (length < rest_.size() && is_name_part(rest_[length])) ++length;
    if (length == 0) return Error{EINVAL, "an arithmetic expression lacks a number"};
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip_blanks();
    return std::isdigit(static_cast<unsigned char>(word[0])) != 0 ? number(word) : variable(word);
  }

  static Number number(std::string_view word) {
    int base = 10;
    if (word.starts_with("0x") || word.starts_with("0X")) {
      base = 16;
      word.remove_prefix(2);
    } else if (word.size() > 1 && word[0] == '0') {
      base = 8;
    }
    const auto value = number_in<std::int64_t>(word, base);
    if (!value) return Error{EINVAL, "a word in an arithmetic expression is not a number"};
    return *value;
  }

  Number value_of(std::string_view name) const {
    std::string text = variables_.value(name);
    if (text.empty()) return 0;
    const bool is_negative = text.front() == '-';
    if (is_negative) text.erase(0, 1);
    const std::int64_t value = TRY(number(text));
    return is_negative ? -value : value;
  }

  Number variable(std::string_view name) {
    for (const std::string_view sign : kAssignments) {
      if (!rest_.starts_with(sign) || rest_.starts_with("==")) continue;
      take(sign);
      std::int64_t value = TRY(choice());
      if (sign != "=") {
        const std::int64_t before = TRY(value_of(name));
        value = TRY(apply(before, sign.substr(0, sign.size() - 1), value));
      }
      if (idle_ == 0) variables_.set(name, std::to_string(value));
      return value;
    }
    return value_of(name);
  }

  std::string_view rest_;
  const ArithmeticVariables& variables_;
  int depth_ = 0;
  int idle_ = 0;  // how many of the parts around this one were not asked for
};

}  // namespace

Result<std::int64_t> evaluate_arithmetic(std::string_view text,
                                         const ArithmeticVariables& variables) {
  return ArithmeticEvaluator(text, variables).whole();
}

}  // namespace spindle::cli
