// `spindle memory`: which page goes, and which hole is taken.

#include "cli/face/formula.h"
#include "cli/face/memory_forms.h"
#include "cli/face/traces.h"

namespace spindle::cli {

const Face& memory_face() {
  static const Face kFace = [] {
    Face face = {"memory",
                 "Replace pages, place requests into holes or buddies, with the working and the "
                 "picture.",
                 {&replacement_form(), &working_set_form(), &page_state_form(), &ageing_form(),
                  &shared_form(), &thrashing_form(), &allocation_form(), &compaction_form(),
                  &buddy_form(), &heap_form()},
                 replay_pages};
    face.forms.insert(face.forms.end(), memory_cost_forms().begin(), memory_cost_forms().end());
    return face;
  }();
  return kFace;
}

}  // namespace spindle::cli
