// Lists of tags, "v=DKIM1; p=...", as signatures and records of DKIM and records of DMARC are (RFC 6376 3.2, RFC 9989
// 4.7).  Pure.  Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

struct Tag {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

// More no signature has, and no record; each is compared with all others.
inline constexpr std::size_t kTagsMax = 64;

// Views of the text that it was read from, which must outlive it.
class TagList {
 public:
  // Of a list that is not valid, too, what can be read.
  explicit TagList(std::string_view text);

  // A sentence: a tag is without "=", has a strange name, or is there twice, or there are too many.  RFC 6376 3.2: "if
  // a tag name does occur more than once, the entire tag-list is invalid".  Empty: the list is valid.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  // In their order; of those with one name the first.
  [[nodiscard]] const std::vector<Tag>& all() const { return tags_; }
  // Null: it is not there.
  [[nodiscard]] const Tag* find(std::string_view name) const;

 private:
  std::string take(std::string_view spec);

  std::vector<Tag> tags_;
  std::string fault_;  // the first one
};

[[nodiscard]] std::string_view without_white_space_around(std::string_view text);
[[nodiscard]] std::string without_white_space(std::string_view text);
// Of a value "a:b", each part without the white space around it.
[[nodiscard]] std::vector<std::string_view> value_parts(std::string_view value);

}  // namespace sluice
