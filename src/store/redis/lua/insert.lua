-- Adds the record that ARGV tells.
local new = read_new(1)
local objection = objection_to(new)
if objection then
  return objection
end
add(new)
return 'done'
