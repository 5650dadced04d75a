import js from '@eslint/js'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['dist/', 'node_modules/'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      // Task output comes from outside: it only ever reaches the page as text nodes.
      'vue/no-v-html': 'error',
      // What people read goes through `t` (README.md, "Languages"). What is listed is the same in every language.
      'vue/no-bare-strings-in-template': [
        'error',
        {
          allowlist: [...'()[]{}<>,.:;!?&+-=*/#%|·•–—…→↑×"“”', 'Semaphore', 'Authorization: Bearer', '--check', '--diff', '-destroy', '-auto-approve', '-upgrade', '-reconfigure'],
          attributes: {
            '/.+/': ['title', 'alt', 'label', 'placeholder', 'hint', 'no-data-text', 'words', 'what', 'question', 'verb', 'save-label', 'make', 'aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext'],
          },
        },
      ],
      // Layout of markup is a matter of taste and of the editor.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/html-indent': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/require-default-prop': 'off',
      'no-control-regex': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['build/**', 'e2e/**', '*.config.{js,ts}'],
    languageOptions: { globals: { ...globals.node } },
  },
)
