// What somebody meant who wrote a word that does not exist.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fencewatch {

// ", did you mean "log.level"?" for the closest of `known`, if it is at most two letters away (one in a word of up to four letters),
// letters that changed places counting as one; else nothing. The first of those that are equally close.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace fencewatch
