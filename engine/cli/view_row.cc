#include <array>
#include <charconv>

#include "engine/cli/listing.h"

namespace sluice::cli {
namespace {

const json_t* member_of(const auth::JsonRef& json, std::string_view key) {
  return json_object_getn(json.get(), key.data(), key.size());
}

std::string text_of(const json_t* value) {
  if (json_is_string(value)) return {json_string_value(value), json_string_length(value)};
  if (json_is_integer(value)) return std::to_string(json_integer_value(value));
  if (json_is_real(value)) {
    std::array<char, 64> room;
    const auto end = std::to_chars(room.data(), room.data() + room.size(), json_real_value(value)).ptr;
    return {room.data(), end};
  }
  if (json_is_boolean(value)) return json_is_true(value) ? "yes" : "no";
  return "";
}

}  // namespace

std::unique_ptr<ViewRow> ViewRow::read(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return nullptr;
  line.remove_prefix(begin);
  if (line.ends_with(',')) line.remove_suffix(1);
  if (!line.starts_with('{') || !line.ends_with('}')) return nullptr;
  json_error_t error{};
  // What others have sent may have a NUL in it.
  auth::JsonRef json(json_loadb(line.data(), line.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error));
  if (!json_is_object(json.get())) return nullptr;
  return std::unique_ptr<ViewRow>(new ViewRow(std::move(json), std::string(line)));
}

std::string ViewRow::text(std::string_view key) const { return text_of(member_of(json_, key)); }

double ViewRow::number(std::string_view key) const { return json_number_value(member_of(json_, key)); }

bool ViewRow::is_number(std::string_view key) const { return json_is_number(member_of(json_, key)); }

std::vector<std::string> ViewRow::list(std::string_view key) const {
  const json_t* const value = member_of(json_, key);
  if (!json_is_array(value)) return {text_of(value)};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < json_array_size(value); ++i) texts.push_back(text_of(json_array_get(value, i)));
  return texts;
}

std::vector<ViewRow> ViewRow::children(std::string_view key) const {
  const json_t* const value = member_of(json_, key);
  std::vector<ViewRow> children;
  for (std::size_t i = 0; i < json_array_size(value); ++i)
    if (json_t* const each = json_array_get(value, i); json_is_object(each))
      children.push_back(ViewRow(auth::JsonRef(json_incref(each)), ""));
  return children;
}

std::vector<std::pair<std::string, std::string>> ViewRow::fields(std::string_view key) const {
  std::vector<std::pair<std::string, std::string>> fields;
  json_t* const object = json_object_getn(json_.get(), key.data(), key.size());
  for (void* at = json_object_iter(object); at != nullptr; at = json_object_iter_next(object, at))
    fields.emplace_back(json_object_iter_key(at), text_of(json_object_iter_value(at)));
  return fields;
}

std::string ViewRow::of(std::string_view key, ViewForm form) const {
  switch (form) {
    case ViewForm::reason: {
      const std::string held = text("hold_reason");
      return held.empty() ? text(key) : "on hold: " + held;
    }
    case ViewForm::address:
      return "<" + text(key) + ">";
    case ViewForm::host: {
      const std::string whole = text(key);
      const std::string address = whole.substr(0, whole.rfind(':'));
      return address.starts_with('[') && address.ends_with(']') ? address.substr(1, address.size() - 2) : address;
    }
    case ViewForm::first: {
      const std::vector<std::string> all = list(key);
      if (all.empty()) return "";
      return all.front() + (all.size() > 1 ? " +" + std::to_string(all.size() - 1) : "");
    }
    case ViewForm::text:
    case ViewForm::count:
    case ViewForm::moment:
    case ViewForm::age:
    case ViewForm::wait:
    case ViewForm::stamp:
      break;
  }
  return text(key);
}

}  // namespace sluice::cli
