/**
 * The document that a page shows, as `page/document.rs` writes it: figures with their values, and what is known of the runs.
 *
 * @typedef {object} Axis
 * @property {string} quantity
 * @property {string} unit
 * @property {"linear" | "log-one-plus" | "logarithmic" | "doublings" | "places"} scale
 * @property {number} low
 * @property {number} high
 * @property {string[]} [places]
 *
 * @typedef {{layer: number} | {group: number} | "network" | "theory" | "input" | "label"} Role
 * @typedef {{seed: number} | "mean" | "theory"} Of
 * @typedef {"planned" | "section" | "filling" | "witness" | "last"} Reason
 *
 * @typedef {object} Path
 * @property {"path"} kind
 * @property {number} layer
 * @property {number} [group]
 * @property {Of} of
 * @property {boolean} failed
 * @property {number[]} epochs
 * @property {number[]} x
 * @property {number[]} y
 * @property {(number | null)[]} [x_error]
 * @property {(number | null)[]} [y_error]
 *
 * @typedef {object} Line
 * @property {"line"} kind
 * @property {Role} role
 * @property {Of} of
 * @property {boolean} failed
 * @property {boolean} dashed
 * @property {string} [reference]
 * @property {string} [name]
 * @property {number[]} x
 * @property {number[]} y
 *
 * @typedef {object} Band
 * @property {"band"} kind
 * @property {Role} role
 * @property {string} range
 * @property {number[]} x
 * @property {number[]} low
 * @property {number[]} high
 *
 * @typedef {object} Ticks
 * @property {"ticks"} kind
 * @property {number} seed
 * @property {Reason} reason
 * @property {number[]} epochs
 *
 * @typedef {object} Dots
 * @property {"dots"} kind
 * @property {Reason} reason
 * @property {"within" | "adjacent" | "beyond"} spacing
 * @property {number[]} x
 * @property {number[]} y
 *
 * @typedef {object} Points
 * @property {"points"} kind
 * @property {Role} role
 * @property {"filled" | "hollow"} marks
 * @property {{x: number, y: number, error?: number, label?: string}[]} points
 *
 * @typedef {object} Cell
 * @property {number} [value]
 * @property {string} text
 * @property {boolean} [stands_out]
 * @property {string} [remark]
 *
 * @typedef {object} Cells
 * @property {"cells"} kind
 * @property {Axis} values
 * @property {Cell[]} cells
 * @property {{name: string, cells: Cell[]}} [beside]
 *
 * @typedef {object} Bars
 * @property {"bars"} kind
 * @property {Role} role
 * @property {"pale" | "full" | "open"} style
 * @property {({value: number, error?: number} | null)[]} values
 *
 * @typedef {Path | Line | Band | Ticks | Dots | Points | Cells | Bars} Series
 *
 * @typedef {object} Limit
 * @property {"x" | "y"} axis
 * @property {number} value
 * @property {string} name
 * @property {string} text
 *
 * @typedef {object} Panel
 * @property {string} [name]
 * @property {Axis} x
 * @property {Axis} y
 * @property {Series[]} series
 * @property {Limit[]} limits
 * @property {string} [remark]
 *
 * @typedef {{kind: "warning" | "reading" | "fact", code: string, text: string}} Note
 *
 * @typedef {object} Figure
 * @property {string} id
 * @property {string} kind
 * @property {string} heading
 * @property {string} title
 * @property {string[]} facts
 * @property {{layer: number, name: string, called: string}[]} layers
 * @property {Panel[]} panels
 * @property {{columns: string[], rows: string[][]}} [grid]
 * @property {string[]} [groups]
 * @property {{key: any, name: string}[]} legend
 * @property {Note[]} notes
 * @property {string} [table]
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {string} name
 * @property {string} state
 * @property {[string, string][]} facts
 * @property {string[]} remarks
 * @property {{id: string, title: string, settings: string}[]} methods
 * @property {string} settings
 * @property {Figure[]} figures
 *
 * @typedef {object} Theme
 * @property {string[]} layers
 * @property {string[]} groups
 * @property {string[]} epochs
 * @property {Record<Reason, string>} reasons
 *
 * @typedef {object} Content what a page shows; stored, it has `columns`, by whose places series name their numbers
 * @property {string} title
 * @property {string} version
 * @property {string} command
 * @property {Theme} theme
 * @property {Run[]} runs
 * @property {Figure[]} compared
 * @property {string[]} remarks
 */

export {};
