// What --help says: in lines of 80 columns, and in words rather than in types.
//
// Beneath the description stand the arguments, the options in their groups, and the commands, of
// each of which the first sentence is told. A line break of an option's help is kept; that of a
// description is one only behind the end of a sentence.
#pragma once

#include <memory>

namespace CLI {
class FormatterBase;
}  // namespace CLI

namespace spindle {

std::shared_ptr<CLI::FormatterBase> make_help_formatter();

}  // namespace spindle
