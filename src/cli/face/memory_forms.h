// The forms of `spindle memory`, each in a file of its own.
#pragma once

#include "cli/face/face.h"
#include "spindle/trace/generator.h"

namespace spindle::cli {

const Form& replacement_form();
const Form& working_set_form();
const Form& page_state_form();
const Form& ageing_form();
const Form& allocation_form();
const Form& compaction_form();
const Form& buddy_form();
const Form& heap_form();
const Form& shared_form();
const Form& thrashing_form();

/// Reads a recipe of references, of which there may be `most`.
PageRecipe read_page_recipe(Recipe& recipe, std::uint64_t most);

/// Why each page went: a sentence for each reference.
std::vector<std::string> replacement_reasons(const Solved& solved);

}  // namespace spindle::cli
