# -*- encoding: utf-8 -*-

Gem::Specification.new do |s|
  s.name = %q{old}
  s.version = "0.9.2"

  s.required_rubygems_version = Gem::Requirement.new(">= 0") if s.respond_to? :required_rubygems_version=
  s.licenses = [%q{MIT}]
end
