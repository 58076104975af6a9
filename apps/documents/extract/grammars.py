"""What a definition is in which programming language, by the names of its grammar."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache

from tree_sitter import Language, Parser


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's grammar.

    Args:
        module: of the wheel that carries it.
        functions: nodes that are one function each.
        containers: nodes with a name that hold further definitions.
        wrappers: nodes around a definition that belong to it, and bodies that hold definitions.
        function: of the module, which returns the grammar.
    """

    module: str
    functions: frozenset[str]
    containers: frozenset[str]
    wrappers: frozenset[str]
    function: str = "language"


def _grammar(
    module: str, functions: str, containers: str, wrappers: str, function: str = "language"
) -> Grammar:
    return Grammar(
        f"tree_sitter_{module}",
        frozenset(functions.split()),
        frozenset(containers.split()),
        frozenset(wrappers.split()),
        function,
    )


_JAVASCRIPT = (
    "function_declaration generator_function_declaration method_definition variable_declarator",
    "class_declaration abstract_class_declaration class interface_declaration enum_declaration "
    "internal_module module type_alias_declaration",
    "export_statement lexical_declaration variable_declaration class_body statement_block "
    "expression_statement",
)
_C = (
    "function_definition",
    "struct_specifier class_specifier union_specifier enum_specifier namespace_definition",
    "declaration_list field_declaration_list template_declaration linkage_specification "
    "preproc_ifdef preproc_if type_definition",
)
_GRAMMARS = {
    "bash": _grammar("bash", "function_definition", "", ""),
    "c": _grammar("c", *_C),
    "c_sharp": _grammar(
        "c_sharp",
        "method_declaration constructor_declaration local_function_statement "
        "operator_declaration delegate_declaration",
        "class_declaration struct_declaration interface_declaration record_declaration "
        "enum_declaration namespace_declaration",
        "declaration_list file_scoped_namespace_declaration global_statement",
    ),
    "cpp": _grammar("cpp", *_C),
    "go": _grammar(
        "go", "function_declaration method_declaration", "type_spec", "type_declaration"
    ),
    "java": _grammar(
        "java",
        "method_declaration constructor_declaration",
        "class_declaration interface_declaration enum_declaration record_declaration "
        "annotation_type_declaration",
        "class_body interface_body enum_body enum_body_declarations",
    ),
    "javascript": _grammar("javascript", *_JAVASCRIPT),
    "kotlin": _grammar(
        "kotlin",
        "function_declaration",
        "class_declaration object_declaration companion_object",
        "class_body enum_class_body",
    ),
    "php": _grammar(
        "php",
        "function_definition method_declaration",
        "class_declaration interface_declaration trait_declaration enum_declaration",
        "declaration_list namespace_definition compound_statement",
        "language_php",
    ),
    "python": _grammar(
        "python", "function_definition", "class_definition", "decorated_definition block"
    ),
    "ruby": _grammar("ruby", "method singleton_method", "class module", "body_statement"),
    "rust": _grammar(
        "rust",
        "function_item macro_definition",
        "impl_item struct_item enum_item trait_item mod_item union_item",
        "declaration_list",
    ),
    "tsx": _grammar("typescript", *_JAVASCRIPT, "language_tsx"),
    "typescript": _grammar("typescript", *_JAVASCRIPT, "language_typescript"),
}
_EXTENSIONS = {
    "bash": "bash sh",
    "c": "c h",
    "c_sharp": "cs",
    "cpp": "cc cpp cxx hh hpp hxx",
    "go": "go",
    "java": "java",
    "javascript": "cjs js jsx mjs",
    "kotlin": "kt kts",
    "php": "php",
    "python": "py pyi",
    "ruby": "rb",
    "rust": "rs",
    "tsx": "tsx",
    "typescript": "cts mts ts",
}
_BY_EXTENSION = {each: name for name, listed in _EXTENSIONS.items() for each in listed.split()}


def grammar_for(extension: str) -> Grammar | None:
    """Return the grammar of files with an extension, if there is one."""
    name = _BY_EXTENSION.get(extension)
    return _GRAMMARS[name] if name else None


@cache
def parser_for(grammar: Grammar) -> Parser:
    """Return what parses a language; its grammar is compiled into the wheel."""
    module = importlib.import_module(grammar.module)
    return Parser(Language(getattr(module, grammar.function)()))
